//! Texts and APIs -> small numbers, and back. Pure.
use std::sync::Arc;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use crate::series::{Api, Category};

/// A text that was interned in a [`Names`]; only meaningful together with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TextId(u32);

impl TextId {
    /// The empty text: no error, or nothing said.
    pub const EMPTY: Self = Self(0);

    /// As an index into [`Names::texts`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// As a bare number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// An API that was interned in a [`Names`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiId(u32);

impl ApiId {
    /// As an index into [`Names::apis`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// An API and whether its call only read, in one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(u32);

/// Whether a call changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// It changes something.
    Write,
    /// It only looks.
    Read,
}

impl CallId {
    /// That API, called that way.
    #[must_use]
    pub const fn new(api: ApiId, access: Access) -> Self {
        Self(api.0 << 1 | matches!(access, Access::Read) as u32)
    }

    /// As a bare number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The API.
    #[must_use]
    pub const fn api(self) -> ApiId {
        ApiId(self.0 >> 1)
    }

    /// Read or write.
    #[must_use]
    pub const fn access(self) -> Access {
        if self.0 & 1 == 1 { Access::Read } else { Access::Write }
    }
}

/// The names of an API as ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ApiNames {
    /// Account.
    pub account: TextId,
    /// Region.
    pub region: TextId,
    /// Service.
    pub event_source: TextId,
    /// API.
    pub event_name: TextId,
    /// Management or data.
    pub category: Category,
}

/// All texts and APIs met so far, each once. Ids are given in order of arrival.
#[derive(Debug, Clone)]
pub struct Names {
    texts: Vec<Arc<str>>,
    text_ids: HashMap<Arc<str>, TextId, FxBuildHasher>,
    apis: Vec<ApiNames>,
    api_ids: HashMap<ApiNames, ApiId, FxBuildHasher>,
}

impl Default for Names {
    fn default() -> Self {
        let mut names = Self {
            texts: Vec::new(),
            text_ids: HashMap::default(),
            apis: Vec::new(),
            api_ids: HashMap::default(),
        };
        names.text("");
        names
    }
}

impl Names {
    /// The id of `text`, new or known.
    pub fn text(&mut self, text: &str) -> TextId {
        if let Some(&id) = self.text_ids.get(text) {
            return id;
        }
        let id = TextId(u32::try_from(self.texts.len()).expect("fewer than 2^32 distinct texts"));
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        self.text_ids.insert(text, id);
        id
    }

    /// The id of an API, new or known.
    pub fn api(&mut self, api: ApiNames) -> ApiId {
        *self.api_ids.entry(api).or_insert_with(|| {
            let id = u32::try_from(self.apis.len()).ok().filter(|id| *id < 1 << 31);
            self.apis.push(api);
            ApiId(id.expect("fewer than 2^31 distinct APIs"))
        })
    }

    /// The id of a text, if it was met.
    #[must_use]
    pub fn find_text(&self, text: &str) -> Option<TextId> {
        self.text_ids.get(text).copied()
    }

    /// The text of an id.
    #[must_use]
    pub fn text_of(&self, id: TextId) -> &Arc<str> {
        &self.texts[id.index()]
    }

    /// All texts, by id.
    #[must_use]
    pub fn texts(&self) -> &[Arc<str>] {
        &self.texts
    }

    /// All APIs, by id.
    #[must_use]
    pub fn apis(&self) -> &[ApiNames] {
        &self.apis
    }

    /// All ids of APIs in order of arrival.
    pub fn api_ids(&self) -> impl Iterator<Item = ApiId> + use<> {
        (0..u32::try_from(self.apis.len()).unwrap_or(u32::MAX)).map(ApiId)
    }

    /// The API of an id, in words.
    #[must_use]
    pub fn api_of(&self, id: ApiId) -> Api {
        let names = &self.apis[id.index()];
        let text = |id| Arc::clone(self.text_of(id));
        Api {
            account: text(names.account),
            region: text(names.region),
            event_source: text(names.event_source),
            event_name: text(names.event_name),
            category: names.category,
        }
    }
}
