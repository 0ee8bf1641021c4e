//! Cells of a day -> the first call of each principal in each account. Pure.
//!
//! What a principal reads is no measure of anything: a dashboard reads all day, and who opens a console reads hundreds of
//! things. In how many accounts it is at work is one: people and jobs have theirs, and a stolen key that is tried out has
//! them all, however gently it lists. So a second sum of each principal counts the accounts in which it calls for the
//! first time that day, reads included.
use std::collections::BTreeMap;
use std::sync::Arc;

use super::ALL;
use crate::aggregate::{Batch, Cell};
use crate::classify::Observation;
use crate::names::Names;
use crate::series::{Api, Category};
use crate::time::Minute;

/// What stands in the place of the API's name: accounts are counted, not calls.
pub const ACCOUNTS: &str = "accounts";

/// When, by which identity and with what: of several in one minute the first by name.
type First = (Minute, Arc<str>, Arc<str>);

/// First calls of one day, by principal and account.
#[derive(Debug, Default)]
pub(super) struct Reached(BTreeMap<(Arc<str>, Arc<str>), First>);

impl Reached {
    /// Takes note of calls of a principal.
    pub(super) fn note(&mut self, names: &Names, cell: &Cell, principal: &Arc<str>) {
        let account = &names.apis()[cell.call.api().index()].account;
        let text = |id| Arc::clone(names.text_of(id));
        let first = || (cell.minute, text(cell.identity), text(cell.agent));
        let key = (Arc::clone(principal), text(*account));
        let known = self.0.entry(key).or_insert_with(first);
        if cell.minute <= known.0 {
            let first = first();
            if first < *known {
                *known = first;
            }
        }
    }

    /// Counts one for each account, and begins the next day.
    pub(super) fn count(&mut self, batch: &mut Batch) {
        for ((principal, _), (minute, identity, agent)) in std::mem::take(&mut self.0) {
            let Api { account, region, event_source, event_name, category } = sum_of(&principal);
            let observation = Observation {
                minute,
                account: (*account).into(),
                region: (*region).into(),
                event_source: (*event_source).into(),
                event_name: (*event_name).into(),
                category,
                read_only: false,
                error_code: None,
                identity: (*identity).into(),
                user_agent: (*agent).into(),
                event_id: None,
            };
            batch.count(&observation, 1);
        }
    }
}

/// The sum of the accounts in which a principal calls.
pub(super) fn sum_of(principal: &Arc<str>) -> Api {
    Api {
        account: Arc::clone(principal),
        region: ALL.into(),
        event_source: ALL.into(),
        event_name: ACCOUNTS.into(),
        category: Category::Management,
    }
}
