//! The state that the last run left -> what a run begins with; what it read and learned -> the state for the next.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Context as _;
use hashbrown::HashMap;

use super::count::Beginning;
use super::find::Known;
use super::judge;
use super::note;
use super::read_files::{Changed, LOOK_BACK_DAYS, ReadFiles};
use crate::aggregate::{Counts, OPEN_AFTER_END, Settling};
use crate::cloudtrail::object_key::ObjectKey;
use crate::cloudtrail::organizations::Organizations;
use crate::detect::Which;
use crate::emit::Told;
use crate::insight::{Insight, of_sum, shared_id};
use crate::names::TextId;
use crate::roll_up::RollUp;
use crate::series::{Kind, SeriesKey};
use crate::source::walk::shown;
use crate::state::{Account, Kept, Learned, Model, State, StateError, day_name, day_of};
use crate::store::parquet_table;
use crate::summary::WentOn;
use crate::time::{Day, MINUTES_PER_DAY, Minute};

/// How to go on from a state.
#[derive(Debug)]
pub struct GoingOn {
    /// What the last run left.
    pub state: State,
    /// Minutes of delivery after which a minute has settled, and is judged.
    pub settle: i32,
    /// Whether to judge what has not settled, too.
    pub to_the_end: bool,
    /// Whether to look through a bucket as far back as anything can still come, not only for what is newer than the last run.
    pub relist: bool,
    /// Where all that is kept is to be judged again: what readers have been told of it already.
    pub told: Option<Told>,
    /// Days of history to keep.
    pub keep_days: i32,
    /// Names and digest of all that judges.
    pub model: Model,
    /// What time it is, where the logs are looked at all the time and nothing new has come for [`ARRIVAL`]: what was delivered by
    /// then is there.
    pub clock: Option<Minute>,
}

/// Minutes from a delivery until whoever follows the logs has them: a copy takes its time.
pub const ARRIVAL: i32 = 10;

/// One run of many.
#[derive(Debug)]
pub(super) struct Night {
    state: Arc<State>,
    to_the_end: bool,
    keep_days: i32,
    model: Model,
    clock: Option<Minute>,
    /// Where all that is kept is judged again: what readers have been told of it already.
    told: Option<Told>,
    /// What the last run had learned, until it is taken.
    before: Vec<Learned>,
    /// Days whose calls were put back.
    recalled: BTreeSet<Day>,
    /// Since when accounts have been watched.
    pub(super) watched: Vec<(TextId, Minute)>,
    /// What this one has learned.
    pub(super) learned: Vec<Learned>,
}

/// Which days' calls are put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recall {
    /// Those that are wanted.
    Wanted,
    /// All that are kept.
    All,
}

/// What a run hands on, to be written once its results are published.
#[derive(Debug)]
pub struct HandOn {
    state: State,
    kept: Kept,
}

impl HandOn {
    /// The state that it will be written to; until then, it is as the last run left it.
    pub const fn state(&mut self) -> &mut State {
        &mut self.state
    }

    /// Writes it, and gives the state back, which is still this run's.
    ///
    /// # Errors
    /// When the disk is full, or some such. Then the state is as it was before the run.
    pub fn save(mut self) -> Result<State, StateError> {
        note("what", shown(self.state.path()));
        self.state.save(self.kept)?;
        Ok(self.state)
    }
}

impl Night {
    /// What the run begins with.
    pub(super) fn begin(going_on: GoingOn) -> anyhow::Result<(Self, Beginning)> {
        let GoingOn { state, settle, to_the_end, relist, told, keep_days, model, clock } = going_on;
        let state = Arc::new(state);
        let known = state.checkpoint();
        let settling = Settling { settle, newest: known.newest_delivery, judged_until: known.judged_until };
        let counts = Beginning::anew().counts.resume(settling, state.events()?);
        let mut night = Self {
            to_the_end,
            keep_days,
            model,
            clock,
            before: state.learned()?,
            told,
            recalled: BTreeSet::new(),
            watched: Vec::new(),
            learned: Vec::new(),
            state: Arc::clone(&state),
        };
        let read = Some(ReadFiles::of(Arc::clone(&state), relist, !to_the_end)?);
        let mut beginning = Beginning { counts, read, state: Some(state) };
        let open_from = night.judged_before().map(Minute::day);
        let days: Vec<Day> =
            night.kept_days().filter(|day| open_from.is_none_or(|from| *day >= from)).collect();
        night.put_back(&mut beginning.counts, days)?;
        Ok((night, beginning))
    }

    /// Until when minutes are judged, now that all is read; `waits` where some of it is missing that the next run may have.
    pub(super) fn until(&self, counts: &Counts, waits: bool) -> Minute {
        let settling = counts.settling().unwrap_or(Settling { settle: 0, newest: None, judged_until: None });
        let judged_until = settling.judged_until.unwrap_or_default();
        // Late calls are none of what is judged, but the next run will find them in the history: it must end there, too.
        let late = counts.late_arrivals().map(|(_, cell)| cell.minute.plus(1)).max().unwrap_or_default();
        let end = judge::end(counts).max(late);
        let until = match settling.newest {
            // A record with a wrong time far in the future is not what the logs end with.
            Some(newest) if self.to_the_end => end.min(newest.plus(MINUTES_PER_DAY)),
            _ if self.to_the_end => end,
            newest => newest.unwrap_or(end).plus(-settling.settle),
        };
        // Whatever is delivered from now on is late for what was made so long ago, though nothing newer has come to tell so.
        let clock = self.clock.filter(|_| !waits).map(|now| now.plus(-ARRIVAL - settling.settle));
        let by_the_clock = clock.zip(settling.newest).map(|(clock, newest)| clock.min(newest));
        until.max(judged_until).max(by_the_clock.unwrap_or_default())
    }

    /// Minutes before this one were judged, and told of, by earlier runs.
    pub(super) fn judged_before(&self) -> Option<Minute> {
        self.state.checkpoint().judged_until.filter(|_| self.told.is_none())
    }

    /// Of each account, the first and the last minute that was judged.
    pub(super) fn spans(&self, until: Minute) -> HashMap<TextId, (Minute, Minute)> {
        self.watched.iter().map(|(account, since)| (*account, (*since, until.plus(-1).max(*since)))).collect()
    }

    /// What the summary says of it, now that all is judged up to `until`.
    pub(super) fn went_on(&self, until: Minute) -> WentOn {
        WentOn {
            judged_from: self.judged_before(),
            judged_until: until,
            open: self.learned.iter().map(|learned| learned.open.len() as u64).sum(),
            model_before: self.model_before(),
            rescored: self.told.is_some() && !self.state.is_new(),
        }
    }

    /// The model that the last run judged with, where it was another; where all is judged again, that is no matter.
    fn model_before(&self) -> Option<String> {
        let before = &self.state.checkpoint().model;
        let is_another = !self.state.is_new() && self.told.is_none() && *before != self.model;
        is_another.then(|| before.name.clone())
    }

    /// Leaves out what readers have been told of already. What has ended for them and goes on in this judgement is no longer
    /// open: the run that closes it would tell of another End.
    pub(super) fn leave_out_told(&mut self, insights: &mut Vec<Insight>) {
        let Some(told) = &self.told else { return };
        told.leave_out(insights);
        for Learned { roll_up, api, codes, open, .. } in &mut self.learned {
            open.retain(|open| {
                let kind = match open.which {
                    Which::Calls => Kind::CallRate,
                    Which::Errors(code) => {
                        Kind::ErrorRate { error_code: codes[code as usize].as_str().into() }
                    }
                };
                let series = SeriesKey { api: api.clone(), kind };
                let id = shared_id(&series, open.start);
                !told.has_ended(roll_up.map_or(id, |kind| of_sum(id, kind)))
            });
        }
    }

    /// Adds in which organizations accounts were by what earlier runs have read.
    pub(super) fn add_organizations(&self, organizations: &mut Organizations) {
        for (name, account) in &self.state.checkpoint().accounts {
            // States that know one alone say nothing of when it became that.
            if let (Some(organization), true) = (&account.organization, account.organizations.is_empty()) {
                organizations.add(name, None, Some(organization));
            }
            for (day, organization) in &account.organizations {
                let organization = Some(organization.as_str()).filter(|name| !name.is_empty());
                if let Some(day) = day_of(day) {
                    organizations.add_day(name, day, organization);
                }
            }
        }
    }

    /// What was known of the APIs.
    pub(super) fn known(&mut self, counts: &mut Counts) -> Known {
        let mut known = Known::default();
        let before = std::mem::take(&mut self.before);
        let (of_apis, of_sums) = before.into_iter().partition(|learned| learned.roll_up.is_none());
        self.before = of_sums;
        self.learn(&mut known, counts, of_apis);
        if self.told.is_none() {
            known.past.until = self.judged_before();
            for (account, Account { watched_since, .. }) in &self.state.checkpoint().accounts {
                let account = counts.text_id(account);
                known.past.watched.extend(watched_since.map(|since| (account, since)));
            }
        }
        known
    }

    /// What was known of the sums of one kind.
    pub(super) fn known_sums(&mut self, kind: RollUp, sums: &mut Counts) -> Known {
        let mut known = Known::default();
        let before = std::mem::take(&mut self.before);
        let (of_kind, rest) = before.into_iter().partition(|learned| learned.roll_up == Some(kind));
        self.before = rest;
        self.learn(&mut known, sums, of_kind);
        if !known.past.detectors.is_empty() {
            known.past.until = self.judged_before();
        }
        let since: Vec<(TextId, Minute)> = known
            .past
            .detectors
            .iter()
            .map(|(api, detector)| (sums.names().apis()[api.index()].account, detector.watched_since()))
            .collect();
        for (account, since) in since {
            let known = known.past.watched.entry(account).or_insert(since);
            *known = since.min(*known);
        }
        known
    }

    /// Takes in what was learned; where all is judged again, only what readers wait for the End of.
    fn learn(&self, known: &mut Known, counts: &mut Counts, mut learned: Vec<Learned>) {
        let is_anew = self.told.is_some();
        learned.retain(|learned| !is_anew || !learned.open.is_empty());
        known.learn(counts, learned);
        if is_anew {
            known.begin_anew();
        }
    }

    /// Puts back the calls of the days that are wanted, or of all that are kept.
    pub(super) fn recall(
        &mut self,
        counts: &mut Counts,
        wanted: &BTreeSet<Day>,
        recall: Recall,
    ) -> anyhow::Result<()> {
        let all = recall == Recall::All;
        let days: Vec<Day> = self.kept_days().filter(|day| all || wanted.contains(day)).collect();
        self.put_back(counts, days)
    }

    fn kept_days(&self) -> impl Iterator<Item = Day> + use<> {
        let days: Vec<Day> = self.state.checkpoint().kept_days().map(|(day, _)| day).collect();
        days.into_iter()
    }

    fn put_back(&mut self, counts: &mut Counts, days: Vec<Day>) -> anyhow::Result<()> {
        for day in days {
            if !self.recalled.insert(day) {
                continue;
            }
            if let Some(mut table) = self.state.day(day)? {
                // Numbers that no thread has.
                counts.restore(usize::MAX - self.recalled.len(), &table.batch.hand_over());
            }
        }
        counts.settle();
        Ok(())
    }

    /// What is handed on, now that all is judged up to `until`.
    pub(super) fn end(
        mut self,
        counts: &mut Counts,
        (organizations, read): (&Organizations, Option<ReadFiles>),
        until: Minute,
    ) -> anyhow::Result<HandOn> {
        let newest = counts.settling().and_then(|settling| settling.newest);
        let changed = read.map(ReadFiles::into_changed).transpose()?.unwrap_or_default();
        let keep_from = until.day().plus(-self.keep_days);
        // A late call changes a day that was judged long ago.
        let touched: Vec<Day> = counts.touched().iter().copied().filter(|day| *day >= keep_from).collect();
        counts.take_in_late();
        let missing: Vec<Day> = touched.iter().copied().filter(|day| !self.recalled.contains(day)).collect();
        self.put_back(counts, missing)?;
        let accounts = self.accounts(counts, organizations, &changed, until);
        let mut events = counts.events();
        if newest.is_none() {
            // Without names that tell of deliveries, it is the minutes that go on.
            let forgotten = until.plus(-OPEN_AFTER_END).day();
            events.retain(|(day, _)| *day >= forgotten);
        }
        let days = touched
            .into_iter()
            .filter(|day| counts.of_day(*day).next().is_some())
            .map(|day| (day, parquet_table::of_day(counts, day)))
            .collect();
        let kept = Kept {
            model: self.model,
            newest_delivery: newest,
            // Where nothing was ever counted, nothing was judged.
            judged_until: Some(until).filter(|until| *until > Minute::default()),
            accounts,
            listed: changed.listed,
            unlisted: changed.unlisted,
            days,
            keep_from: Some(keep_from),
            learned: self.learned,
            events,
            read: changed.parts,
        };
        let state = Arc::into_inner(self.state).context("the state is still in use, which is a bug")?;
        Ok(HandOn { state, kept })
    }

    /// What is known of each account now. Of one that was not judged yet, nobody says since when it has been watched: an
    /// earlier call can still come.
    fn accounts(
        &self,
        counts: &Counts,
        organizations: &Organizations,
        changed: &Changed,
        until: Minute,
    ) -> BTreeMap<String, Account> {
        let mut accounts = self.state.checkpoint().accounts.clone();
        for (account, since) in self.watched.iter().filter(|(_, since)| *since < until) {
            let account = counts.names().text_of(*account).to_string();
            accounts.entry(account).or_default().watched_since = Some(*since);
        }
        for (account, days) in organizations.since(until.day()) {
            let account = accounts.entry(account.to_owned()).or_default();
            account.organization = None;
            account.organizations =
                days.map(|(day, name)| (day_name(day), name.unwrap_or_default().to_owned())).collect();
        }
        let place = |name: &str| {
            let ObjectKey { account, region, delivered, .. } = ObjectKey::parse(name);
            Some((account?, region?, day_name(delivered?.day())))
        };
        // What has been missing for as long as AWS tries to deliver will not come.
        let given_up = day_name(until.day().plus(-LOOK_BACK_DAYS));
        for account in accounts.values_mut() {
            account.missed.retain(|_, day| *day >= given_up);
        }
        // A name with a wrong time far in the future must not hide what comes before it; where no call was ever counted,
        // nothing says which one that is.
        let latest = (until > Minute::default()).then(|| day_name(until.plus(2 * MINUTES_PER_DAY).day()));
        for (account, region, day) in changed.read.iter().filter_map(|file| place(&file.name)) {
            let account = accounts.entry(account).or_default();
            // It has been read now; whatever else is still missing there is noted again below.
            if !changed.may_be_more && account.missed.get(&region) == Some(&day) {
                account.missed.remove(&region);
            }
            let first = account.regions.entry(region.clone()).or_insert_with(|| day.clone());
            *first = day.clone().min(first.clone());
            if latest.as_ref().is_none_or(|latest| day <= *latest) {
                let newest = account.newest.entry(region).or_default();
                *newest = day.max(newest.clone());
            }
        }
        for (account, region, day) in changed.missed.iter().filter_map(|name| place(name)) {
            let oldest =
                accounts.entry(account).or_default().missed.entry(region).or_insert_with(|| day.clone());
            *oldest = day.min(oldest.clone());
        }
        accounts
    }
}

/// All calls that a state keeps.
///
/// # Errors
/// When it is damaged.
pub fn kept(state: &State) -> anyhow::Result<Counts> {
    let mut counts = Beginning::anew().counts;
    for (number, (day, _)) in state.checkpoint().kept_days().enumerate() {
        if let Some(mut table) = state.day(day)? {
            counts.restore(number, &table.batch.hand_over());
        }
    }
    counts.settle();
    Ok(counts)
}
