//! A prefix, and what to do with each folder below it -> the objects there, many folders at a time.
use std::collections::VecDeque;
use std::sync::Arc;

use object_store::ObjectMeta;
use object_store::list::{PaginatedListOptions, PaginatedListResult, PaginatedListStore as _};
use tokio::task::JoinSet;
use xxhash_rust::xxh3::xxh3_64;

use super::client::{Asked, Bucket};
use super::error::S3Error;
use super::wire::Refused;

/// Folders that are listed at the same time. One listing is a chain of pages of 1,000 keys.
const AT_ONCE: usize = 16;

/// What becomes of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Visit {
    /// It is not looked into.
    Skip,
    /// Its objects are listed, and each folder in it is asked about.
    Descend,
    /// Everything below it is listed.
    All,
    /// The same, but only keys after this one.
    After(String),
}

/// An object that was listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its whole key.
    pub key: String,
    /// What else was told.
    pub stamp: Stamp,
}

/// What a server tells of an object that is not read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Its bytes.
    pub size: u64,
    /// XXH3 of its `ETag`, which is another for other bytes; 0 where there is none.
    pub version: u64,
}

impl From<&ObjectMeta> for Stamp {
    fn from(meta: &ObjectMeta) -> Self {
        Self { size: meta.size, version: meta.e_tag.as_ref().map_or(0, |tag| xxh3_64(tag.as_bytes())) }
    }
}

/// What was listed.
#[derive(Debug, Default)]
pub struct Listing {
    /// In no order.
    pub objects: Vec<Object>,
    /// Keys that cannot be asked for: with an empty part, `.`, `..` or a control character in them. Of folders with such a
    /// name, the folder, with `/` at its end.
    pub refused: Vec<String>,
    /// Folders that could not be listed to their end.
    pub failed: Vec<S3Error>,
}

/// The next page of a folder.
#[derive(Debug)]
struct Page {
    /// Without `/` at its end.
    folder: String,
    visit: Visit,
    token: Option<String>,
}

/// What a page held.
struct Turned {
    objects: Vec<Object>,
    refused: Vec<String>,
    folders: Vec<String>,
    /// The page after it.
    next: Option<Page>,
}

impl Bucket {
    /// Lists what is below the folder `root`, as `visit` says of it and, where it descends, of the folders in it.
    pub fn list(self: &Arc<Self>, root: &str, visit: &mut dyn FnMut(&str) -> Visit) -> Listing {
        self.wait(self.list_now(root, visit))
    }

    /// Whether anything is below a folder: one request.
    ///
    /// # Errors
    /// When it cannot be listed.
    pub fn has_any(&self, folder: &str) -> Result<bool, S3Error> {
        let page = Page { folder: folder.to_owned(), visit: Visit::All, token: None };
        let Turned { objects, refused, .. } = self.wait(self.turn(page, Some(1)))?;
        Ok(!objects.is_empty() || !refused.is_empty())
    }

    async fn list_now(self: &Arc<Self>, root: &str, visit: &mut dyn FnMut(&str) -> Visit) -> Listing {
        let mut listing = Listing::default();
        let mut waiting = VecDeque::from_iter(page_of(root.to_owned(), visit));
        let mut tasks = JoinSet::new();
        loop {
            while tasks.len() < AT_ONCE
                && let Some(page) = waiting.pop_front()
            {
                let bucket = Arc::clone(self);
                tasks.spawn(async move { bucket.turn(page, None).await });
            }
            let turned = match tasks.join_next().await {
                None => return listing,
                Some(Ok(turned)) => turned,
                // A task that panicked has said so.
                Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
            };
            match turned {
                Ok(Turned { objects, refused, folders, next }) => {
                    listing.refused.extend(refused);
                    listing.objects.extend(objects);
                    waiting.extend(next);
                    waiting.extend(folders.into_iter().filter_map(|folder| page_of(folder, visit)));
                }
                Err(error) => listing.failed.push(error),
            }
        }
    }

    /// Asks for one page.
    async fn turn(&self, page: Page, most: Option<usize>) -> Result<Turned, S3Error> {
        let Page { folder, visit, token } = page;
        let prefix = if folder.is_empty() { None } else { Some(format!("{folder}/")) };
        let refused = Refused::default();
        let ask = || -> Asked<'_, PaginatedListResult> {
            let mut options = PaginatedListOptions {
                offset: match (&visit, &token) {
                    (Visit::After(key), None) => Some(key.clone()),
                    _ => None,
                },
                delimiter: (visit == Visit::Descend).then_some("/".into()),
                max_keys: most,
                page_token: token.clone(),
                ..PaginatedListOptions::default()
            };
            options.extensions.insert(refused.clone());
            self.store.list_paginated(prefix.as_deref(), options)
        };
        let listed = self.whole("cannot list", &folder, "s3:ListBucket", ask).await?;
        let objects = listed.result.objects.into_iter();
        let objects = objects.map(|meta| Object { stamp: Stamp::from(&meta), key: meta.location.into() });
        Ok(Turned {
            objects: objects.filter(|object| !is_folder(object)).collect(),
            refused: refused.take(),
            folders: listed.result.common_prefixes.into_iter().map(Into::into).collect(),
            next: listed.page_token.map(|token| Page { folder, visit, token: Some(token) }),
        })
    }
}

fn page_of(folder: String, visit: &mut dyn FnMut(&str) -> Visit) -> Option<Page> {
    match visit(&folder) {
        Visit::Skip => None,
        visit => Some(Page { folder, visit, token: None }),
    }
}

/// Consoles, and CloudTrail itself, write an empty object `a/b/` to show a folder `a/b`; the client drops the slash.
fn is_folder(Object { key, stamp }: &Object) -> bool {
    stamp.size == 0 && !key.rsplit('/').next().unwrap_or(key).contains('.')
}
