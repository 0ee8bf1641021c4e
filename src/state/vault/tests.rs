//! A place that is cut off, or fails once, at every write in turn -> a state that the next run goes on from.
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::*;

/// What becomes of writes, of which so many go well before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    Never,
    /// The process is killed: no other comes.
    Killed(usize),
    /// One fails.
    Fails(usize),
}

#[derive(Debug)]
struct World {
    files: BTreeMap<String, Vec<u8>>,
    writes: usize,
    cut: Cut,
}

/// Files in memory.
#[derive(Debug, Clone)]
struct InMemory(Arc<Mutex<World>>);

impl InMemory {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(World { files: BTreeMap::new(), writes: 0, cut: Cut::Never })))
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For a write, if it goes well.
    fn change(&self) -> Result<MutexGuard<'_, World>, StateError> {
        let mut world = self.world();
        world.writes += 1;
        match world.cut {
            Cut::Killed(after) if world.writes > after => {}
            Cut::Fails(after) if world.writes == after + 1 => {}
            _ => return Ok(world),
        }
        Err(StateError::Io { path: "memory".into(), source: io::ErrorKind::StorageFull.into() })
    }

    /// What is there, but for the lock.
    fn there(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = self.world().files.clone();
        files.remove(LOCK);
        files
    }

    /// A run, the first or a later one, with this to keep; and whether it was cut off.
    fn run(&self, number: u8, cut: Cut) -> (Result<(), StateError>, bool) {
        (self.world().writes, self.world().cut) = (0, cut);
        let run = || {
            let mut vault = Vault::open(Box::new(self.clone()))?;
            let day = vault.put("days/2026-01-05", "parquet", &[number])?;
            let learned = vault.put("learned", "bin", b"the same every night")?;
            vault.put_ledger(&[number])?;
            vault.commit(&[number], &[&*day.path, &*learned.path].into())?;
            vault.put_ledger(&[number, number])
        };
        let ended = run();
        let writes = self.world().writes;
        self.world().cut = Cut::Never;
        (ended, matches!(cut, Cut::Killed(after) | Cut::Fails(after) if writes > after))
    }
}

impl Place for InMemory {
    fn path(&self) -> &Path {
        Path::new("memory")
    }

    fn lock(&mut self) -> Result<(), StateError> {
        // That of a process that has died is nobody's.
        self.change()?.files.insert(LOCK.to_owned(), Vec::new());
        Ok(())
    }

    fn prepare(&self) -> Result<(), StateError> {
        self.change().map(drop)
    }

    fn leave(&mut self, last: &mut dyn FnMut(&dyn Place) -> bool) {
        last(self);
        let _ = self.remove(LOCK);
    }

    fn names(&self) -> Result<Vec<String>, StateError> {
        let direct =
            |name: &String| name.split_once('/').map_or(name.clone(), |(folder, _)| format!("{folder}/"));
        let names: BTreeSet<String> = self.world().files.keys().map(direct).collect();
        Ok(names.into_iter().collect())
    }

    fn all(&self) -> Result<Vec<String>, StateError> {
        Ok(self.world().files.keys().cloned().collect())
    }

    fn get(&self, name: &str) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.world().files.get(name).cloned())
    }

    fn size(&self, name: &str) -> Result<Option<u64>, StateError> {
        Ok(self.get(name)?.map(|bytes| bytes.len() as u64))
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StateError> {
        self.change()?.files.insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }

    fn settle(&self, _: &BTreeSet<&str>) -> Result<(), StateError> {
        self.change().map(drop)
    }

    fn create(&self, _: &str, name: &str, bytes: &[u8]) -> Result<bool, StateError> {
        let mut world = self.change()?;
        let is_new = !world.files.contains_key(name);
        if is_new {
            world.files.insert(name.to_owned(), bytes.to_vec());
        }
        Ok(is_new)
    }

    fn remove(&self, name: &str) -> Result<(), StateError> {
        self.change()?.files.remove(name);
        Ok(())
    }
}

/// A place after so many runs.
fn after(runs: u8) -> InMemory {
    let place = InMemory::new();
    for number in 0..runs {
        let (ended, _) = place.run(number, Cut::Never);
        assert!(ended.is_ok(), "{ended:?}");
    }
    place
}

/// That the place holds what a run left, and nothing else, and is no new one without its checkpoint.
fn assert_whole(place: &InMemory, number: u8, what: &str) {
    let files = place.there();
    let kinds: Vec<&str> =
        files.keys().map(|name| name.split(['-', '/', '.']).next().unwrap_or_default()).collect();
    assert_eq!(kinds, ["checkpoint", "days", "learned", "ledger"], "{what}: {files:?}");
    let vault = Vault::read_only(Box::new(place.clone())).expect("a state");
    assert_eq!(vault.checkpoint().expect("readable"), Some(vec![number]), "{what}");
    assert_eq!(vault.ledger().expect("readable"), Some(vec![number, number]), "{what}");
    place.world().files.retain(|name, _| !name.starts_with(CHECKPOINT));
    let refused = Vault::open(Box::new(place.clone())).err();
    assert!(matches!(refused, Some(StateError::Damaged { .. })), "{what}: {refused:?}");
}

#[test]
fn a_run_that_is_cut_off_at_any_write_is_made_up_for_even_if_that_is_cut_off_too() {
    for earlier in [0, 1] {
        for cut in [Cut::Killed as fn(usize) -> Cut, Cut::Fails] {
            for first in 0.. {
                let cut_off = || {
                    let place = after(earlier);
                    let (_, was_cut) = place.run(7, cut(first));
                    (place, was_cut)
                };
                if !cut_off().1 {
                    assert!(first > 8, "a run has some writes");
                    break;
                }
                for second in 0.. {
                    let (place, _) = cut_off();
                    let (_, was_cut) = place.run(8, Cut::Killed(second));
                    let (ended, _) = place.run(9, Cut::Never);
                    let what = format!("{earlier} before, {:?}, then killed after {second}", cut(first));
                    assert!(ended.is_ok(), "{what}: {ended:?}");
                    assert_whole(&place, 9, &what);
                    if !was_cut {
                        break;
                    }
                }
            }
        }
    }
}

#[test]
fn a_first_run_that_fails_leaves_nothing_but_its_ledger() {
    for first in 0.. {
        let place = InMemory::new();
        let (ended, was_cut) = place.run(7, Cut::Fails(first));
        if !was_cut {
            break;
        }
        let files = place.there();
        let is_kept = files.keys().any(|name| name.starts_with(CHECKPOINT));
        let is_left = files.keys().all(|name| name.starts_with(LEDGER));
        assert!(is_kept || (ended.is_err() && is_left), "{first}: {ended:?}, {files:?}");
    }
}

#[test]
fn what_is_no_state_is_refused_and_left_alone() {
    let place = |names: &[&str]| {
        let place = InMemory::new();
        let files = names.iter().map(|name| ((*name).to_owned(), b"theirs".to_vec()));
        place.world().files.extend(files);
        place
    };
    for (names, want) in [
        (["notes.txt", "days/x"].as_slice(), "is not empty and holds no state"),
        (&["days"], "is not empty and holds no state"),
        (&["photos/x"], "is not empty and holds no state"),
        (&["days/x"], "its checkpoint is missing"),
        (&["learned.0.bin", "ledger-00000001.json"], "its checkpoint is missing"),
    ] {
        let place = place(names);
        let before = place.there();
        let (ended, _) = place.run(1, Cut::Never);
        let error = ended.expect_err(want).to_string();
        assert!(error.contains(want), "{names:?}: {error}");
        assert!(place.there() == before, "{names:?}");
    }
    let harmless = ["lost+found/x", ".hidden", "lock", "ledger-00000003.json"];
    let place = place(&harmless);
    let (ended, _) = place.run(1, Cut::Never);
    assert!(ended.is_ok(), "{ended:?}");
    let files = place.there();
    assert!(files.contains_key("lost+found/x") && files.contains_key(".hidden"), "{files:?}");
    assert!(files.contains_key("ledger-00000005.json"), "a ledger goes on: {files:?}");
}
