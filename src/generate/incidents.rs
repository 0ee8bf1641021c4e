//! The organization and a seed -> what goes wrong, when, and the calls that it makes or withholds. Pure.
use super::calendar::weekend;
use super::labels::{Direction, Incident, Kind, Member, Series};
use super::organization::{Call, Organization};
use super::plots::{PLOTS, Plot, Shows, Strand, Where};
use super::random::{Dice, Purpose, floor};
use super::record;
use super::rhythm::Rhythm;
use super::workloads::{Failure, Place, Work};
use crate::time::{MINUTES_PER_DAY, Minute};

/// All incidents of a span.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) incidents: Vec<Incident>,
    /// Their calls, in order of time.
    pub(super) calls: Vec<Call>,
}

/// Minutes before the end of the span in which nothing happens any more, so that every incident can end.
const CALM_END: u32 = 180;

/// Days at the start in which nothing goes wrong: time for a detector to learn.
pub(super) const fn calm_days(days: u32) -> u32 {
    if days >= 10 {
        return 8;
    }
    if days < 3 { 1 } else { days / 3 }
}

/// How many incidents a span holds: each plot once a month, in a short span two a day.
pub(super) fn how_many(days: u32) -> usize {
    let open = days.saturating_sub(calm_days(days));
    let rounds = (open / 30).max(1) as usize;
    (PLOTS.len() * rounds).min(open as usize * 2)
}

/// Plants the incidents, which adds their flows to the organization.
pub(super) fn plant(organization: &mut Organization) -> Plan {
    let count = how_many(organization.days);
    let mut plan = Plan::default();
    for number in 0..count {
        let plot = &PLOTS[number % PLOTS.len()];
        let mut dice = Dice::new(organization.seed, Purpose::Incident, number, 0);
        let start = start(organization.days, (number, count), plot, &mut dice);
        let account = plot.account.min(organization.accounts.len() - 1);
        let mut stage = Stage { organization, plot, account, start, dice };
        plan.incidents.extend(stage.play(format!("I{:02}", number + 1), &mut plan.calls));
    }
    plan.calls.sort_by_key(|call| (call.at, call.key));
    plan
}

/// The minute of the span at which an incident starts.
fn start(days: u32, (number, count): (usize, usize), plot: &Plot, dice: &mut Dice) -> u32 {
    let calm = f64::from(calm_days(days));
    let share = (number as f64 + dice.between(0.15, 0.6)) / count as f64;
    let mut day = floor(calm + share * (f64::from(days) - calm));
    while plot.workdays && weekend(day) && day + 1 < days {
        day += 1;
    }
    let minute = floor(dice.between(plot.hours.0, plot.hours.1) * 60.0);
    let day_minutes = MINUTES_PER_DAY.cast_unsigned();
    (day * day_minutes + minute).min(days * day_minutes - CALM_END - plot.longest())
}

/// One incident being made.
struct Stage<'a> {
    organization: &'a mut Organization,
    plot: &'a Plot,
    account: usize,
    /// Minutes since the start of the first day.
    start: u32,
    dice: Dice,
}

impl Stage<'_> {
    /// Makes the calls, and the label.
    fn play(&mut self, id: String, calls: &mut Vec<Call>) -> Option<Incident> {
        let mut identity = String::new();
        let mut total = 0;
        let mut members = Vec::new();
        for strand in self.plot.strands {
            let silent = strand.shows == Shows::Silence;
            let made = if silent { self.silence(strand) } else { self.burst(strand) };
            let Some(first) = made.first() else { continue };
            if identity.is_empty() {
                record::session(self.organization, first).arn.clone_into(&mut identity);
            }
            total += made.len() as u64;
            members.extend(self.label(strand, &made));
            if !silent {
                calls.extend(made);
            }
        }
        Incident::new(id, self.plot, identity, total, members)
    }

    /// The calls of a strand that somebody makes.
    fn burst(&mut self, strand: &Strand) -> Vec<Call> {
        let region = self.region(strand.place);
        let fails = strand.fails.map(|((code, message), share)| Failure { code, message, share });
        let who = strand.by.unwrap_or(self.plot.who);
        let work =
            Work { place: Place::Home, who, api: strand.api, when: Rhythm::Never, fails, swap: strand.swap };
        let flow = self.organization.add_flow(self.account, region, &work, 1.0);
        let from = (self.start + strand.after) * 60;
        let (api, cell) = (self.organization.flows[flow].api, self.organization.flows[flow].cell);
        let usual = self.organization.usual_rate(cell, api, from) * f64::from(strand.minutes);
        let dice = &mut self.dice;
        let count = (f64::from(strand.calls) * dice.between(0.9, 1.15)).max(usual * strand.times_usual);
        (0..floor(count + 0.5))
            .map(|_| {
                let at = from + floor(dice.uniform() * f64::from(strand.minutes * 60));
                let failed = fails.is_some_and(|failure| dice.chance(failure.share));
                Call { at, flow, key: dice.bits(), failed }
            })
            .collect()
    }

    /// The calls that a strand keeps from being made; from now on they are not.
    fn silence(&mut self, strand: &Strand) -> Vec<Call> {
        let region = self.region(strand.place);
        let from = (self.start + strand.after) * 60;
        let to = from + strand.minutes * 60;
        let organization = &mut *self.organization;
        let flow = organization.flows.iter().position(|flow| {
            let cell = &organization.cells[flow.cell];
            (cell.account, cell.region.as_str(), flow.action.as_str()) == (self.account, region, strand.api)
        });
        let Some(flow) = flow else { return Vec::new() };
        let cell = organization.flows[flow].cell;
        let mut calls = Vec::new();
        for day in from / 86_400..=to / 86_400 {
            organization.calls(cell, day, &mut calls);
        }
        calls.retain(|call| call.flow == flow && (from..to).contains(&call.at));
        organization.flows[flow].silences.push((from, to));
        calls
    }

    /// The series in which a strand shows.
    fn label(&self, strand: &Strand, calls: &[Call]) -> Vec<Member> {
        let flow = &self.organization.flows[calls[0].flow];
        let cell = &self.organization.cells[flow.cell];
        let series = |error_code: Option<&'static str>| Series {
            account: self.organization.accounts[cell.account].id.clone(),
            region: cell.region.clone(),
            event_source: format!("{}.amazonaws.com", flow.api.service),
            event_name: flow.api.name,
            category: if flow.api.sort.is_data() { "Data" } else { "Management" },
            kind: if error_code.is_none() { Kind::Rate } else { Kind::Error },
            error_code,
        };
        let up = |series, calls: &mut dyn Iterator<Item = &Call>| {
            let minutes: Vec<u32> = calls.map(|call| call.at / 60).collect();
            let (first, last) = (*minutes.iter().min()?, *minutes.iter().max()?);
            Some(Member::new(series, Direction::Up, (minute(first), minute(last + 1)), minutes.len()))
        };
        let rate = || up(series(None), &mut calls.iter());
        let errors = || {
            let code = flow.failure.as_ref()?.code;
            up(series(Some(code)), &mut calls.iter().filter(|call| call.failed))
        };
        let silence = || {
            let from = self.start + strand.after;
            let time = (minute(from), minute(from + strand.minutes));
            Some(Member::new(series(None), Direction::Down, time, calls.len()))
        };
        let members = match strand.shows {
            Shows::Nothing => [None, None],
            Shows::Rate => [rate(), None],
            Shows::Errors => [errors(), None],
            Shows::Both => [rate(), errors()],
            Shows::Silence => [silence(), None],
        };
        members.into_iter().flatten().collect()
    }

    fn region(&self, place: Where) -> &'static str {
        let regions = self.organization.accounts[self.account].regions;
        match place {
            Where::Home => regions[0],
            Where::Second => regions[1],
            Where::Last => regions[regions.len() - 1],
            Where::Elsewhere(region) => region,
        }
    }
}

fn minute(of_span: u32) -> Minute {
    super::calendar::FIRST_DAY.start().plus(of_span.cast_signed())
}
