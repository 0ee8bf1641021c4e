//! Findings -> incidents: those that the same principal caused close in time, with a sentence each. Pure.
use std::collections::BTreeMap;

use uuid::Uuid;

use crate::detect::Direction;
use crate::explanation::{Explanation, Farthest};
use crate::finding::{Event, Finding};
use crate::roll_up::{ACCOUNTS, ALL};
use crate::series::{Kind, SeriesKey};
use crate::severity::Severity;
use crate::time::Minute;
use crate::words::{clock, counted, duration, figure, fitted, short_identity, short_service};

/// Minutes of quiet between two findings that still make them one incident.
const APART: i32 = 60;
/// Columns of a name in a sentence.
const NAME_COLUMNS: usize = 80;
/// Other calls that a sentence names; more are counted.
const NAMED: usize = 3;
/// The rate at the peak is told where it is so many times the average.
const PEAKED: f64 = 3.0;
/// Powers of ten of the least probability, in proportion, that are nearly as improbable.
const NEARLY: f64 = 0.9;
/// Ids of incidents are derived below this one, which was drawn once and must never change.
const ID_SPACE: Uuid = Uuid::from_u128(0x1c0e_9a64_b7d2_4f3a_8e15_22c9_5f07_d1b8);

/// Findings that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// Derived from the shared id of its first finding: whatever joins later, it stays the same.
    pub id: Uuid,
    /// Places of its findings in the list that it was made of, in the order of that list: by start.
    pub findings: Vec<usize>,
    /// The one of `findings` that says most: the most severe, then the least probable; of those that are nearly as improbable
    /// the one with the highest rate at its peak, then the first. One that nobody needs to hear of only where all are such.
    pub leading: usize,
    /// Who did most of it, without the name of a session; of the leading finding.
    pub principal: Option<String>,
    /// First unusual minute.
    pub from: Minute,
    /// First usual minute after all of it; `None` while any of it is open.
    pub until: Option<Minute>,
    /// That of the leading finding.
    pub severity: Severity,
    /// What happened, in a sentence; safe to print.
    pub sentence: String,
}

/// The incidents of `findings`, which are in order of start; each finding is in one. Two belong together where the same
/// principal, or the same API in the same account, is behind both and at most an hour lies between them, of a fall between its
/// being noticed and the other; so do those that are linked by others. In order of start.
#[must_use]
pub fn incidents(findings: &[Finding]) -> Vec<Incident> {
    let mut groups = Groups::new(findings.len());
    let mut latest = BTreeMap::<Link, (usize, Minute)>::new();
    for (index, finding) in findings.iter().enumerate() {
        for link in links(finding) {
            let until = links_until(finding);
            match latest.get_mut(&link) {
                Some((other, known_until)) if finding.from() <= known_until.plus(APART) => {
                    groups.join(*other, index);
                    *known_until = until.max(*known_until);
                }
                _ => {
                    latest.insert(link, (index, until));
                }
            }
        }
    }
    let mut members = BTreeMap::<usize, Vec<usize>>::new();
    for index in 0..findings.len() {
        members.entry(groups.root(index)).or_default().push(index);
    }
    // The root of a group is its first finding, so they come in order of start.
    members.into_values().map(|members| incident(findings, members)).collect()
}

impl Incident {
    /// All of `findings`, which are in order of start, as one incident, whatever links them; `None` where there are none.
    #[must_use]
    pub fn of(findings: &[Finding]) -> Option<Self> {
        (!findings.is_empty()).then(|| incident(findings, (0..findings.len()).collect()))
    }
}

/// Up to when what begins belongs to a finding that it is linked with: of a rise, as long as it goes on; of a fall, near its
/// beginning. Calls that stay away for days cause nothing of what comes then, and whether it has ended changes nothing.
fn links_until(finding: &Finding) -> Minute {
    match finding.latest().direction() {
        Direction::Up => finding.known_until(),
        Direction::Down => finding.noticed().plus(1),
    }
}

/// What makes two findings that are close in time belong together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Link {
    /// The same role or user.
    Principal(String),
    /// The same API in the same account: its calls and its failures, in whatever region.
    Api(String, String, String),
}

fn links(finding: &Finding) -> Vec<Link> {
    let api = finding.series().api;
    let mut links = Vec::new();
    // Who calls for everybody says nothing: AWS's own services stand in for all who use them.
    if let Some(principal) = finding.latest().principal().filter(|name| !name.ends_with(".amazonaws.com")) {
        links.push(Link::Principal(principal.to_owned()));
    }
    if &*api.event_source != ALL {
        let [account, source, name] =
            [api.account, api.event_source, api.event_name].map(|it| it.to_string());
        links.push(Link::Api(account, source, name));
    }
    links
}

/// Disjoint sets of indices; the root of each is its smallest.
struct Groups(Vec<usize>);

impl Groups {
    fn new(number: usize) -> Self {
        Self((0..number).collect())
    }

    fn root(&mut self, index: usize) -> usize {
        let mut root = index;
        while self.0[root] != root {
            self.0[root] = self.0[self.0[root]];
            root = self.0[root];
        }
        root
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        self.0[one.max(other)] = one.min(other);
    }
}

fn incident(findings: &[Finding], members: Vec<usize>) -> Incident {
    let heard: Vec<usize> = members.iter().copied().filter(|index| findings[*index].alerts()).collect();
    let telling = if heard.is_empty() { &members } else { &heard };
    let leading = leading(findings, telling);
    let all = || members.iter().map(|index| &findings[*index]);
    let until = all().map(Finding::until).collect::<Option<Vec<Minute>>>();
    Incident {
        id: Uuid::new_v5(&ID_SPACE, findings[members[0]].shared_id().as_bytes()),
        leading,
        principal: findings[leading].latest().principal().map(str::to_owned),
        from: findings[members[0]].from(),
        until: until.and_then(|until| until.into_iter().max()),
        severity: findings[leading].latest().severity(),
        sentence: sentence(&findings[leading], &others(findings, telling, leading)),
        findings: members,
    }
}

/// The one of `members` that says most.
fn leading(findings: &[Finding], members: &[usize]) -> usize {
    let severity = |index: &usize| findings[*index].latest().severity();
    let surprise =
        |index: &usize| -findings[*index].latest().explanation.as_ref().map_or(0.0, Explanation::least_log10);
    let most = members.iter().map(severity).max();
    let severest = || members.iter().filter(|index| Some(severity(index)) == most);
    let least_probable = severest().map(surprise).fold(0.0, f64::max);
    let mut leading = members[0];
    let mut highest = f64::NEG_INFINITY;
    for index in severest().filter(|index| surprise(index) >= NEARLY * least_probable) {
        let rate = peak_rate(findings[*index].latest());
        if rate > highest {
            (leading, highest) = (*index, rate);
        }
    }
    leading
}

/// Calls a minute at the peak of a rise; of a fall, those that used to come.
fn peak_rate(event: &Event) -> f64 {
    let statistics = &event.record.insight_details.insight_context.statistics;
    match event.direction() {
        Direction::Up => {
            let peak = event.explanation.as_ref().and_then(|why| why.peak.as_ref());
            statistics.now().unwrap_or_default().max(peak.map_or(0.0, rate))
        }
        Direction::Down => statistics.usual().unwrap_or_default(),
    }
}

fn rate(peak: &Farthest) -> f64 {
    peak.observed / f64::from(peak.window_minutes.max(1))
}

/// What else was called, each once.
fn others(findings: &[Finding], members: &[usize], leading: usize) -> Vec<String> {
    let shown = what(&findings[leading].series());
    let mut others = Vec::new();
    for index in members.iter().filter(|index| **index != leading) {
        let series = findings[*index].series();
        let mut name = what(&series);
        if name == shown && series.api.region != findings[leading].series().api.region {
            name = format!("{name} in {}", fitted(&series.api.region, NAME_COLUMNS));
        }
        if name != shown && !others.contains(&name) {
            others.push(name);
        }
    }
    others
}

/// Such as: "role/ci-deployer in account 1111 called ec2 `RunInstances` 260 times a minute for 6 min, usually 0.4; and iam
/// `CreateUser`". Where a long tail makes little of the average, the peak comes first: "120 times in 30 min at its peak, at
/// most 0.08 expected; 0.44 a minute for 4 h 39 min, usually 0.0026".
fn sentence(finding: &Finding, others: &[String]) -> String {
    let series = finding.series();
    let latest = finding.latest();
    let statistics = &latest.record.insight_details.insight_context.statistics;
    let [now, usual] = [statistics.now(), statistics.usual()];
    let usual = usual.map_or_else(|| "not told".to_owned(), figure);
    let who = latest.principal().map_or_else(|| "somebody".to_owned(), |it| short_identity(it).into_owned());
    let who = fitted(&who, NAME_COLUMNS);
    let place = place(&series);
    let of_accounts = is_reach(&series);
    let called = match (&series.kind, latest.direction()) {
        (_, Direction::Up) if of_accounts => format!("{who} began to call in"),
        (_, Direction::Down) if of_accounts => format!("accounts in which {who} began to call fell to"),
        (Kind::CallRate, Direction::Up) => format!("{who}{place} called {}", what(&series)),
        (Kind::ErrorRate { .. }, Direction::Up) => format!("{who}{place} failed with {}", what(&series)),
        (_, Direction::Down) => format!("calls of {}{place}, mostly by {who}, fell to", what(&series)),
    };
    let times = match latest.direction() {
        Direction::Up if of_accounts => " accounts",
        Direction::Up => " times",
        Direction::Down => "",
    };
    let lasted = finding.until().map_or_else(
        || format!("since {}", clock(finding.from())),
        |until| format!("for {}", duration(until.since(finding.from()))),
    );
    let peak = latest.explanation.as_ref().and_then(|why| why.peak.as_ref());
    let peak = peak
        .filter(|peak| latest.direction() == Direction::Up && rate(peak) >= PEAKED * now.unwrap_or_default());
    let average = figure(now.unwrap_or_default());
    let mut sentence = if let Some(peak) = peak {
        let most = if series.kind == Kind::CallRate { "at most " } else { "" };
        let minutes = duration(i32::try_from(peak.window_minutes).unwrap_or(i32::MAX));
        let [observed, expected] = [peak.observed, peak.expected].map(figure);
        format!(
            "{called} {observed}{times} in {minutes} at its peak, {most}{expected} expected; {average} a minute {lasted}, usually \
             {usual}"
        )
    } else if now.is_some() {
        format!("{called} {average}{times} a minute {lasted}, usually {usual}")
    } else {
        format!("{called} an unusual number of{times} {lasted}, how many is not told")
    };
    if !others.is_empty() {
        let named: Vec<&str> = others.iter().take(NAMED).map(String::as_str).collect();
        sentence.push_str("; and ");
        sentence.push_str(&named.join(", "));
        if others.len() > NAMED {
            sentence.push_str(" and ");
            sentence.push_str(&counted((others.len() - NAMED) as u64, "other"));
        }
    }
    sentence
}

/// Whether it counts the accounts in which a principal calls for the first time that day.
fn is_reach(series: &SeriesKey) -> bool {
    &*series.api.event_source == ALL && &*series.api.event_name == ACCOUNTS
}

/// `ec2 RunInstances`, `iam ListRoles [AccessDenied]`, "everything", "new accounts".
pub(crate) fn what(series: &SeriesKey) -> String {
    let api = &series.api;
    let name = if &*api.event_name == ALL {
        "everything".to_owned()
    } else if is_reach(series) {
        "new accounts".to_owned()
    } else {
        let service = fitted(short_service(&api.event_source), NAME_COLUMNS);
        format!("{service} {}", fitted(&api.event_name, NAME_COLUMNS))
    };
    match series.kind.error_code() {
        Some(code) => format!("{name} [{}]", fitted(code, NAME_COLUMNS)),
        None => name,
    }
}

fn place(series: &SeriesKey) -> String {
    match &*series.api.account {
        ALL => " in all accounts".to_owned(),
        // Of a principal's sum, the principal stands there.
        _ if &*series.api.event_source == ALL => String::new(),
        account => format!(" in account {}", fitted(account, NAME_COLUMNS)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloudtrail::published::PublishedAverage;
    use crate::finding::findings;

    /// A finding from `minute` on for `lasted` minutes.
    fn finding(id: u32, who: &str, name: &str, minute: i32, lasted: i32) -> Vec<Event> {
        let start = Minute::parse("2026-01-31T12:00:00Z").expect("a time");
        let record = |state: &str, at: Minute| {
            format!(
                r#"{{"eventVersion":"1.09","eventTime":"{at}","awsRegion":"eu-west-1","eventID":"{id}-{state}",
                "eventType":"AwsCloudTrailInsight","recipientAccountId":"111122223333","sharedEventID":"{id}",
                "insightDetails":{{"state":"{state}","eventSource":"ec2.amazonaws.com","eventName":"{name}",
                "insightType":"ApiCallRateInsight","insightContext":{{"statistics":{{"baseline":{{"average":0.4}},
                "insight":{{"average":260}},"insightDuration":{lasted},"baselineDuration":10800}},"attributions":[
                {{"attribute":"userIdentityArn","insight":[{{"value":"{who}","average":260}}],"baseline":[]}}]}}}},
                "eventCategory":"Insight"}}"#
            )
        };
        [("Start", start.plus(minute)), ("End", start.plus(minute + lasted))]
            .map(|(state, at)| Event::of_record(&record(state, at)).expect("a record"))
            .into()
    }

    fn check(events: Vec<Vec<Event>>, want: &[&[usize]]) -> Vec<Incident> {
        let findings = findings(events.into_iter().flatten().collect());
        let incidents = incidents(&findings);
        let got: Vec<&[usize]> = incidents.iter().map(|incident| &*incident.findings).collect();
        assert_eq!(got, want);
        incidents
    }

    #[test]
    fn the_same_principal_close_in_time_is_one_incident() {
        let role = "arn:aws:sts::111122223333:assumed-role/ci/one";
        let other = "arn:aws:sts::111122223333:assumed-role/ci/two";
        let user = "arn:aws:iam::111122223333:user/Alice";
        let found = check(
            vec![
                finding(1, role, "RunInstances", 0, 6),
                finding(2, user, "StopInstances", 3, 6),
                finding(3, other, "CreateImage", 60, 6),
                finding(4, role, "CopyImage", 200, 6),
            ],
            &[&[0, 2], &[1], &[3]],
        );
        assert_eq!(
            found[0].sentence,
            "role/ci in account 111122223333 called ec2 RunInstances 260 times a minute for 6 min, usually 0.4; and ec2 \
             CreateImage"
        );
        assert_eq!(found[0].principal.as_deref(), Some("arn:aws:sts::111122223333:assumed-role/ci"));
    }

    /// A rise of 123 calls in 279 minutes, as a line of `insights.jsonl` has it, and its peak.
    fn with_peak(observed: f64, minutes: u32) -> Vec<Event> {
        let mut events = finding(1, "arn:aws:iam::111122223333:user/ci", "RunInstances", 0, 279);
        let text = include_str!("../fixtures/report/hostile.jsonl");
        let why =
            Event::of_line(text.lines().next().expect("a line").as_bytes()).expect("a line").explanation;
        for event in &mut events {
            let statistics = &mut event.record.insight_details.insight_context.statistics;
            let average = |average| Some(PublishedAverage { average });
            (statistics.insight, statistics.baseline) = (average(0.44), average(0.0026));
            let mut why = why.clone().expect("a reason");
            why.direction = Direction::Up;
            why.contributors.retain(|_| false);
            let at = event.record.event_time;
            why.peak = Some(Farthest {
                at,
                window_minutes: minutes,
                observed,
                expected: 0.08,
                log10_probability: -200.0,
            });
            event.explanation = Some(why);
        }
        events
    }

    #[test]
    fn the_peak_is_told_where_a_long_tail_hides_it() {
        let check = |observed: f64, minutes: u32, want: &str| {
            let found = check(vec![with_peak(observed, minutes)], &[&[0]]);
            let want = format!("somebody in account 111122223333 called ec2 RunInstances {want}");
            assert_eq!(found[0].sentence, want);
        };
        check(
            120.0,
            30,
            "120 times in 30 min at its peak, at most 0.08 expected; 0.44 a minute for 4 h 39 min, usually 0.0026",
        );
        check(120.0, 120, "0.44 times a minute for 4 h 39 min, usually 0.0026");
    }

    #[test]
    fn what_is_open_is_near_what_comes_while_it_is() {
        let user = "arn:aws:iam::111122223333:user/Alice";
        let open = finding(1, user, "RunInstances", 0, 6).into_iter().take(1);
        let later = finding(2, user, "StopInstances", 300, 6);
        let mut findings = findings(open.chain(later).collect());
        assert_eq!(incidents(&findings).len(), 2, "nobody says that it went on");
        findings[0].open_until = Some(findings[1].from().plus(-60));
        assert_eq!(incidents(&findings).len(), 1);
    }

    #[test]
    fn a_fall_is_near_what_comes_at_its_beginning_whether_it_has_ended_or_not() {
        let user = "arn:aws:iam::111122223333:user/Alice";
        let fall = |is_open: bool| {
            let mut events = finding(1, user, "RunInstances", 0, 600);
            for event in &mut events {
                let context = &mut event.record.insight_details.insight_context;
                std::mem::swap(&mut context.statistics.insight, &mut context.statistics.baseline);
                for it in &mut context.attributions {
                    std::mem::swap(&mut it.insight, &mut it.baseline);
                }
            }
            events.truncate(if is_open { 1 } else { 2 });
            events
        };
        for is_open in [true, false] {
            let at_once = finding(2, user, "StopInstances", 50, 6);
            let later = finding(3, user, "CreateUser", 300, 6);
            let mut findings = findings([fall(is_open), at_once, later].concat());
            if is_open {
                findings[0].open_until = Some(findings[2].from().plus(6000));
            }
            let found = incidents(&findings);
            let members: Vec<&[usize]> = found.iter().map(|incident| &*incident.findings).collect();
            assert_eq!(members, [&[0, 1][..], &[2]], "open: {is_open}");
        }
    }

    #[test]
    fn the_leading_one_is_the_most_improbable_at_any_time() {
        let [mut first, second] = [1, 2].map(|id| {
            let mut events = with_peak(120.0, 120);
            for event in &mut events {
                event.record.shared_event_id = id.to_string();
            }
            events
        });
        // Its peak is less improbable than what it was noticed by, as points know.
        for why in first.iter_mut().filter_map(|event| event.explanation.as_mut()) {
            why.log10_probability = -300.0;
        }
        for event in &mut first {
            event.record.aws_region = "eu-west-2".to_owned();
        }
        let found = findings(first.into_iter().chain(second).collect());
        let leading = incidents(&found)[0].leading;
        assert_eq!(found[leading].shared_id(), "1");
    }

    #[test]
    fn the_id_stays_when_more_joins() {
        let user = "arn:aws:iam::111122223333:user/Alice";
        let first = || finding(7, user, "RunInstances", 0, 6);
        let alone = check(vec![first()], &[&[0]]);
        let joined = check(vec![first(), finding(3, user, "StopInstances", 30, 6)], &[&[0, 1]]);
        assert_eq!(alone[0].id, joined[0].id);
    }

    #[test]
    fn the_same_api_in_the_same_account_is_one_incident_whoever_calls() {
        check(vec![finding(1, "a", "RunInstances", 0, 6), finding(2, "b", "RunInstances", 3, 6)], &[&[0, 1]]);
        // Linked by others, over more than an hour in all.
        check(
            vec![
                finding(1, "a", "RunInstances", 0, 6),
                finding(2, "a", "StopInstances", 50, 6),
                finding(3, "b", "StopInstances", 100, 6),
            ],
            &[&[0, 1, 2]],
        );
    }
}
