//! `labels.json`, of `trailpulse generate` or of a benchmark -> what is true.
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::truth::{Asks, Excuse, Label, Shows, Wanted, Watched};
use super::{Anomaly, EvaluateError, Place, Truth};
use crate::time::{MINUTES_PER_DAY, Minute};

/// More than any labels need; a wrong file must not fill memory.
const LARGEST_FILE: u64 = 1 << 30;

/// Days at the beginning of a generated tree in which alarms do not count, as in the benchmark.
const WARM_UP_DAYS: i32 = 7;

/// Spikes are reported by their size: name, and up to which factor.
const SPIKES: [(&str, f64); 3] = [("spike x<=3", 3.0), ("spike x4-x7", 7.0), ("spike x>=10", f64::INFINITY)];

/// Reads labels of either format.
///
/// # Errors
/// When the file cannot be read, or has neither format.
pub fn read_truth(path: &Path) -> Result<Truth, EvaluateError> {
    let open = File::open(path).map_err(|source| EvaluateError::Open { path: path.into(), source })?;
    let labels = serde_json::from_reader(BufReader::new(open).take(LARGEST_FILE))
        .map_err(|source| EvaluateError::Content { path: path.into(), what: "labels", source })?;
    Ok(match labels {
        Labels::Bench(bench) => bench.truth(),
        Labels::Generated(generated) => generated.truth(),
    })
}

#[derive(Deserialize)]
#[serde(tag = "format")]
enum Labels {
    #[serde(rename = "ctbench-labels/1", deserialize_with = "checked")]
    Bench(Bench),
    #[serde(rename = "trailpulse-labels/1")]
    Generated(Generated),
}

/// Labels of counts tables: one for each series, in minutes from the start.
#[derive(Deserialize)]
struct Bench {
    start_epoch: i64,
    minutes: i32,
    warmup_minutes: i32,
    series: Vec<BenchSeries>,
    labels: Vec<BenchLabel>,
    #[serde(default)]
    hard_negatives: Vec<BenchExcuse>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BenchSeries {
    account: String,
    region: String,
    event_source: String,
    event_name: String,
    family: String,
}

#[derive(Deserialize)]
struct BenchLabel {
    id: u64,
    series: usize,
    start: i32,
    end: i32,
    kind: String,
    factor: Option<f64>,
    #[serde(rename = "type")]
    wanted: BenchType,
    status: Status,
    group: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum BenchType {
    Any,
    Rate,
    Error,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    /// Has to be found.
    Required,
    /// Need not be found: too small.
    Hard,
    /// Unusual, but whether it is an anomaly is a matter of taste.
    Neutral,
    /// One of the series of an anomaly that shows in several.
    Group,
}

#[derive(Deserialize)]
struct BenchExcuse {
    series: usize,
    start: i32,
    end: i32,
    why: String,
}

/// Reads the benchmark's labels, and checks what indexes what.
fn checked<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bench, D::Error> {
    let bench = Bench::deserialize(deserializer)?;
    let series = bench.labels.iter().map(|label| label.series);
    let unknown = series.chain(bench.hard_negatives.iter().map(|excuse| excuse.series));
    if let Some(unknown) = unknown.max().filter(|&index| index >= bench.series.len()) {
        return Err(D::Error::custom(format!("there is no series {unknown}")));
    }
    if let Some(label) =
        bench.labels.iter().find(|label| label.status == Status::Group && label.group.is_none())
    {
        return Err(D::Error::custom(format!("label {} has no group", label.id)));
    }
    Ok(bench)
}

impl Bench {
    fn minute(&self, minutes: i32) -> Minute {
        Minute::from_epoch((self.start_epoch / 60) as i32).plus(minutes)
    }

    fn truth(self) -> Truth {
        let mut labels = BTreeMap::<Place, Vec<Label>>::new();
        let mut anomalies = Vec::new();
        let groups = self.groups();
        let required = self.labels.iter().filter(|label| label.status == Status::Required).count();
        for label in &self.labels {
            let wanted = match label.wanted {
                BenchType::Any => None,
                BenchType::Rate => Some(Wanted::Rate),
                BenchType::Error => Some(Wanted::Error),
            };
            let asks = match label.status {
                Status::Required => {
                    anomalies.push(Anomaly {
                        id: label.id.to_string(),
                        kind: label.kind(),
                        family: Some(self.series[label.series].family.clone()),
                        start: self.minute(label.start),
                        shows: Shows::Once,
                    });
                    Asks::For(wanted, anomalies.len() - 1)
                }
                Status::Group => {
                    let group = label.group.as_deref().unwrap_or_default();
                    Asks::For(
                        wanted,
                        required + groups.keys().position(|&id| id == group).unwrap_or_default(),
                    )
                }
                Status::Hard | Status::Neutral => Asks::Nothing,
            };
            let (start, end) = (self.minute(label.start), self.minute(label.end));
            labels.entry(self.place(label.series)).or_default().push(Label { start, end, asks });
        }
        anomalies.extend(groups.values().cloned());
        let mut excuses = BTreeMap::<Place, Vec<Excuse>>::new();
        for BenchExcuse { series, start, end, why } in &self.hard_negatives {
            let excuse = Excuse { start: self.minute(*start), end: self.minute(*end), why: why.clone() };
            excuses.entry(self.place(*series)).or_default().push(excuse);
        }
        let families =
            (0..self.series.len()).map(|index| (self.place(index), self.series[index].family.clone()));
        Truth {
            judged_from: self.minute(self.warmup_minutes),
            end: self.minute(self.minutes),
            watched: Watched::Listed(families.collect()),
            anomalies,
            labels,
            excuses,
        }
    }

    /// Anomalies that show in several series, by name.
    fn groups(&self) -> BTreeMap<&str, Anomaly> {
        let mut groups = BTreeMap::new();
        for label in &self.labels {
            let Some(group) = label.group.as_deref().filter(|_| label.status == Status::Group) else {
                continue;
            };
            let start = self.minute(label.start);
            let anomaly = groups.entry(group).or_insert_with(|| Anomaly {
                id: group.to_owned(),
                kind: label.kind(),
                family: None,
                start,
                shows: Shows::InSeveral,
            });
            anomaly.start = start.min(anomaly.start);
        }
        groups
    }

    fn place(&self, index: usize) -> Place {
        let series = &self.series[index];
        Place {
            account: series.account.clone(),
            region: series.region.clone(),
            event_source: series.event_source.clone(),
            event_name: series.event_name.clone(),
        }
    }
}

impl BenchLabel {
    fn kind(&self) -> String {
        let factor = self.factor.unwrap_or_default();
        match SPIKES.iter().find(|(_, most)| factor <= *most) {
            Some((name, _)) if self.kind == "spike" => (*name).to_owned(),
            _ => self.kind.clone(),
        }
    }
}

/// Labels of a generated tree: incidents, each with the series in which it can be seen.
#[derive(Deserialize)]
struct Generated {
    #[serde(deserialize_with = "crate::time::text::deserialize")]
    start: Minute,
    #[serde(deserialize_with = "crate::time::text::deserialize")]
    end: Minute,
    incidents: Vec<Incident>,
}

#[derive(Deserialize)]
struct Incident {
    id: String,
    kind: String,
    members: Vec<Member>,
}

#[derive(Deserialize)]
struct Member {
    account: String,
    region: String,
    event_source: String,
    event_name: String,
    error_code: Option<String>,
    #[serde(deserialize_with = "crate::time::text::deserialize")]
    start: Minute,
    #[serde(deserialize_with = "crate::time::text::deserialize")]
    end: Minute,
}

impl Generated {
    fn truth(self) -> Truth {
        let mut labels = BTreeMap::<Place, Vec<Label>>::new();
        let mut anomalies = Vec::new();
        for Incident { id, kind, members } in self.incidents {
            let Some(start) = members.iter().map(|member| member.start).min() else { continue };
            anomalies.push(Anomaly { id, kind, family: None, start, shows: Shows::InSeveral });
            for member in members {
                let wanted = member.error_code.map_or(Wanted::Rate, Wanted::Code);
                let asks = Asks::For(Some(wanted), anomalies.len() - 1);
                let Member { account, region, event_source, event_name, start, end, .. } = member;
                let place = Place { account, region, event_source, event_name };
                labels.entry(place).or_default().push(Label { start, end, asks });
            }
        }
        Truth {
            judged_from: self.start.plus(WARM_UP_DAYS * MINUTES_PER_DAY).min(self.end),
            end: self.end,
            watched: Watched::All,
            anomalies,
            labels,
            excuses: BTreeMap::new(),
        }
    }
}
