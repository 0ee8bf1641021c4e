//! Observations of one thread, file by file -> rows of numbers, and the names that are new in them. Pure.
use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use super::fingerprint::{Fingerprint, Salt};
use super::{Attribution, Cell};
use crate::classify::Observation;
use crate::names::{Access, ApiId, ApiNames, CallId, Names, TextId};
use crate::time::Minute;

/// One observation. Without an event id it has no fingerprint.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) cell: Cell,
    pub(super) fingerprint: Option<Fingerprint>,
}

/// What was observed, one row an observation. Its names stay from file to file: most were met before.
#[derive(Debug, Clone)]
pub struct Batch {
    names: Names,
    rows: Vec<Row>,
    attribution: Attribution,
    /// How many texts and APIs were handed over before.
    handed_over: (usize, usize),
    /// Those of the last observation: a file is of one account and region.
    account: TextId,
    salt: Salt,
    region: TextId,
    /// All APIs, by their texts.
    apis: HashTable<ApiId>,
}

/// What a [`Batch`] gathered since it last handed something over.
#[derive(Debug, Clone, Default)]
pub struct HandOver {
    pub(super) texts: Vec<Arc<str>>,
    pub(super) apis: Vec<ApiNames>,
    pub(super) rows: Vec<Row>,
}

impl HandOver {
    /// Observations in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The first and the last minute with an observation; `None` where there is none.
    #[must_use]
    pub fn span(&self) -> Option<(Minute, Minute)> {
        let minutes = self.rows.iter().map(|row| row.cell.minute);
        Some((minutes.clone().min()?, minutes.max()?))
    }

    /// Whether nothing was observed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl Batch {
    /// Nothing yet.
    #[must_use]
    pub fn new(attribution: Attribution) -> Self {
        Self {
            names: Names::default(),
            rows: Vec::new(),
            attribution,
            handed_over: (0, 0),
            account: TextId::EMPTY,
            salt: Salt::new(""),
            region: TextId::EMPTY,
            apis: HashTable::new(),
        }
    }

    /// Adds one observed call.
    pub fn observe(&mut self, observation: &Observation<'_>) {
        let cell = self.cell(observation, 1);
        let fingerprint = observation.event_id.as_deref().map(|id| Fingerprint::new(self.salt, id));
        self.rows.push(Row { cell, fingerprint });
    }

    /// Adds `calls` calls that were counted elsewhere.
    pub fn count(&mut self, observation: &Observation<'_>, calls: u32) {
        let cell = self.cell(observation, calls);
        self.rows.push(Row { cell, fingerprint: None });
    }

    fn cell(&mut self, observation: &Observation<'_>, calls: u32) -> Cell {
        let names = &mut self.names;
        if **names.text_of(self.account) != *observation.account {
            self.account = names.text(&observation.account);
            self.salt = Salt::new(&observation.account);
        }
        if **names.text_of(self.region) != *observation.region {
            self.region = names.text(&observation.region);
        }
        let api = self.api(observation);
        let names = &mut self.names;
        let access = if observation.read_only { Access::Read } else { Access::Write };
        let (identity, agent) = match self.attribution {
            Attribution::Kept => (names.text(&observation.identity), names.text(&observation.user_agent)),
            Attribution::Dropped => (TextId::EMPTY, TextId::EMPTY),
        };
        let error = observation.error_code.as_deref().map_or(TextId::EMPTY, |code| names.text(code));
        Cell { call: CallId::new(api, access), minute: observation.minute, error, identity, agent, calls }
    }

    /// The API of an observation: found by its texts at once, without asking for the number of each.
    fn api(&mut self, observation: &Observation<'_>) -> ApiId {
        let Self { names, apis, account, region, .. } = self;
        let Observation { event_source, event_name, category, .. } = observation;
        let hash = |account: TextId, region: TextId, source: &str, name: &str| {
            FxBuildHasher.hash_one((account, region, source, name))
        };
        let wanted = hash(*account, *region, event_source, event_name);
        let is_it = |known: &ApiId| {
            let known = &names.apis()[known.index()];
            (known.account, known.region, known.category) == (*account, *region, *category)
                && **names.text_of(known.event_name) == **event_name
                && **names.text_of(known.event_source) == **event_source
        };
        if let Some(&api) = apis.find(wanted, is_it) {
            return api;
        }
        let api = ApiNames {
            account: *account,
            region: *region,
            event_source: names.text(event_source),
            event_name: names.text(event_name),
            category: *category,
        };
        let api = names.api(api);
        apis.insert_unique(wanted, api, |known| {
            let known = &names.apis()[known.index()];
            let [source, name] = [known.event_source, known.event_name].map(|text| names.text_of(text));
            hash(known.account, known.region, source, name)
        });
        api
    }

    /// Forgets the rows since the last [`Batch::hand_over`]. Their names stay, and may be handed over without ever
    /// being counted.
    pub fn clear(&mut self) {
        self.rows.clear();
    }

    /// Gives the rows since the last time, and the names since the last time.
    pub fn hand_over(&mut self) -> HandOver {
        let (texts, apis) = (self.names.texts(), self.names.apis());
        let (old_texts, old_apis) = std::mem::replace(&mut self.handed_over, (texts.len(), apis.len()));
        let next = Vec::with_capacity(self.rows.len());
        HandOver {
            texts: texts[old_texts..].to_vec(),
            apis: apis[old_apis..].to_vec(),
            rows: std::mem::replace(&mut self.rows, next),
        }
    }
}
