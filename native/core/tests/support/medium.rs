//! A disk that counts, fails on demand, and records what was done to it, so that every loss of
//! power can be played.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use keepstate_core::store::log::medium::{Access, Disk, Handle, Medium, Reserve};

/// What is about to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Call {
    Open,
    Read,
    Write,
    Sync,
    Length,
    Truncate,
    Reserve,
    Rename,
    Remove,
    Folder,
    SyncFolder,
    List,
}

/// How it fails.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    Error(i32),
    /// A write that writes so many bytes and then fails.
    Short(usize, i32),
}

/// What was done. Files go by a number, because names change.
#[derive(Debug, Clone)]
pub enum Event {
    Create(String, usize),
    Write(usize, u64, Vec<u8>),
    Truncate(usize, u64),
    Sync(usize),
    Rename(String, String),
    Remove(String),
    SyncFolder,
    /// The test noted something: so many commits are acknowledged.
    Acknowledged(usize),
    /// So many commits were begun.
    Begun(usize),
}

type Decide = Box<dyn FnMut(Call, &Path) -> Option<Fault> + Send>;

#[derive(Default)]
struct State {
    calls: BTreeMap<Call, usize>,
    decide: Option<Decide>,
    names: BTreeMap<String, usize>,
    files: usize,
    recording: bool,
    events: Vec<(Event, Vec<u8>)>,
    page: Option<PathBuf>,
}

/// The disk.
#[derive(Clone, Default)]
pub struct TestDisk(Arc<Mutex<State>>);

impl TestDisk {
    /// One that records from the first moment of a folder.
    pub fn recording(folder: &Path) -> TestDisk {
        let disk = TestDisk::default();
        disk.0.lock().unwrap().recording = true;
        disk.0.lock().unwrap().page = Some(folder.join("page"));
        disk
    }

    pub fn count(&self, call: Call) -> usize {
        self.0.lock().unwrap().calls.get(&call).copied().unwrap_or(0)
    }

    pub fn decide(&self, decide: impl FnMut(Call, &Path) -> Option<Fault> + Send + 'static) {
        self.0.lock().unwrap().decide = Some(Box::new(decide));
    }

    pub fn behave(&self) {
        self.0.lock().unwrap().decide = None;
    }

    pub fn note(&self, event: Event) {
        let mut state = self.0.lock().unwrap();
        state.record(|_| event);
    }

    /// What happened, each with the page's content then.
    pub fn events(&self) -> Vec<(Event, Vec<u8>)> {
        self.0.lock().unwrap().events.clone()
    }

    fn call(&self, call: Call, path: &Path) -> Option<Fault> {
        let mut state = self.0.lock().unwrap();
        *state.calls.entry(call).or_default() += 1;
        let decide = state.decide.as_mut()?;
        decide(call, path)
    }

    fn checked(&self, call: Call, path: &Path) -> io::Result<()> {
        match self.call(call, path) {
            Some(Fault::Error(code) | Fault::Short(_, code)) => {
                Err(io::Error::from_raw_os_error(code))
            }
            None => Ok(()),
        }
    }
}

impl State {
    fn record(&mut self, event: impl FnOnce(&mut State) -> Event) {
        if self.recording {
            let page = self.page.as_ref().and_then(|page| std::fs::read(page).ok());
            let event = event(self);
            self.events.push((event, page.unwrap_or_default()));
        }
    }

    fn file(&mut self, name: &str, access: Access) -> usize {
        if let Some(id) = self.names.get(name) {
            let id = *id;
            if access == Access::Fresh {
                self.record(|_| Event::Truncate(id, 0));
            }
            return id;
        }
        self.files += 1;
        let id = self.files;
        self.names.insert(name.into(), id);
        self.record(|_| Event::Create(name.into(), id));
        id
    }
}

fn short(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

impl Medium for TestDisk {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn Handle>> {
        self.checked(Call::Open, path)?;
        let inner = Disk.open(path, access)?;
        let id = self.0.lock().unwrap().file(&short(path), access);
        Ok(Arc::new(TestFile { disk: self.clone(), inner, id, path: path.into() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.checked(Call::Rename, to)?;
        Disk.rename(from, to)?;
        let mut state = self.0.lock().unwrap();
        if let Some(id) = state.names.remove(&short(from)) {
            state.names.insert(short(to), id);
        }
        state.record(|_| Event::Rename(short(from), short(to)));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.checked(Call::Remove, path)?;
        Disk.remove(path)?;
        let mut state = self.0.lock().unwrap();
        state.names.remove(&short(path));
        state.record(|_| Event::Remove(short(path)));
        Ok(())
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.checked(Call::Folder, path)?;
        Disk.create_folder(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.checked(Call::SyncFolder, path)?;
        Disk.sync_folder(path)?;
        self.0.lock().unwrap().record(|_| Event::SyncFolder);
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.checked(Call::List, path)?;
        Disk.list(path)
    }
}

struct TestFile {
    disk: TestDisk,
    inner: Arc<dyn Handle>,
    id: usize,
    path: PathBuf,
}

impl Handle for TestFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.disk.checked(Call::Read, &self.path)?;
        self.inner.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let written = match self.disk.call(Call::Write, &self.path) {
            None => self.inner.write_at(bytes, offset)?,
            Some(Fault::Short(count, _)) if count > 0 => {
                let part = &bytes[..count.min(bytes.len())];
                self.inner.write_at(part, offset)?
            }
            Some(Fault::Error(code) | Fault::Short(_, code)) => {
                return Err(io::Error::from_raw_os_error(code))
            }
        };
        let part = bytes[..written].to_vec();
        self.disk.0.lock().unwrap().record(|_| Event::Write(self.id, offset, part));
        Ok(written)
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.checked(Call::Sync, &self.path)?;
        // What the disk does is not under test, and it is slow.
        self.disk.0.lock().unwrap().record(|_| Event::Sync(self.id));
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        self.disk.checked(Call::Length, &self.path)?;
        self.inner.length()
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.disk.checked(Call::Truncate, &self.path)?;
        self.inner.truncate(length)?;
        self.disk.0.lock().unwrap().record(|_| Event::Truncate(self.id, length));
        Ok(())
    }

    fn reserve(&self, offset: u64, length: u64, how: Reserve) -> io::Result<()> {
        self.disk.checked(Call::Reserve, &self.path)?;
        self.inner.reserve(offset, length, how)?;
        if how == Reserve::Visible {
            let end = self.inner.length()?;
            self.disk.0.lock().unwrap().record(|_| Event::Truncate(self.id, end));
        }
        Ok(())
    }

    fn file(&self) -> &std::fs::File {
        self.inner.file()
    }
}

/// Small numbers from a seed.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % limit.max(1)
    }
}

#[derive(Default, Clone)]
struct Image {
    durable: Vec<u8>,
    pending: Vec<Event>,
}

/// The folder after a loss of power behind the first `cut` events: what was synced is there, what
/// was not is there, or not, or torn.
pub fn after_power_loss(events: &[(Event, Vec<u8>)], cut: usize, dice: &mut Dice, into: &Path) {
    let mut files: BTreeMap<usize, Image> = BTreeMap::new();
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    let mut pending: Vec<Event> = Vec::new();
    for (event, _) in &events[..cut] {
        match event {
            Event::Create(_, id) => {
                files.entry(*id).or_default();
                pending.push(event.clone());
            }
            Event::Write(id, ..) | Event::Truncate(id, _) => {
                files.get_mut(id).unwrap().pending.push(event.clone());
            }
            Event::Sync(id) => {
                let image = files.get_mut(id).unwrap();
                for event in std::mem::take(&mut image.pending) {
                    apply(&mut image.durable, &event, usize::MAX);
                }
            }
            Event::Rename(..) | Event::Remove(_) => pending.push(event.clone()),
            Event::SyncFolder => pending.drain(..).for_each(|event| rename(&mut names, &event)),
            Event::Acknowledged(_) | Event::Begun(_) => {}
        }
    }
    // A rename whose file was never made is none.
    for event in pending {
        if dice.below(2) == 0 {
            rename(&mut names, &event);
        }
    }
    for image in files.values_mut() {
        let everything = dice.below(3);
        for event in std::mem::take(&mut image.pending) {
            match (everything, dice.below(3)) {
                (0, _) => apply(&mut image.durable, &event, usize::MAX),
                (1, _) | (_, 0) => {}
                (_, 1) => apply(&mut image.durable, &event, usize::MAX),
                _ => apply(&mut image.durable, &event, dice.below(3000)),
            }
        }
    }
    for (name, id) in names {
        if name != "page" {
            std::fs::write(into.join(name), &files[&id].durable).unwrap();
        }
    }
    let pages = [&events[dice.below(cut)].1, &events[cut - 1].1];
    let mut page = pages[0].clone();
    match dice.below(4) {
        0 => return,
        1 => page = pages[1].clone(),
        2 if pages[0].len() == pages[1].len() && !page.is_empty() => {
            let torn = dice.below(72);
            page[..torn].copy_from_slice(&pages[1][..torn]);
        }
        _ => {}
    }
    if !page.is_empty() {
        std::fs::write(into.join("page"), page).unwrap();
    }
}

/// The folder after a kill behind the first `cut` events: everything that was done is there.
pub fn after_kill(events: &[(Event, Vec<u8>)], cut: usize, into: &Path) {
    let mut files: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    for (event, _) in &events[..cut] {
        match event {
            Event::Create(_, id) => {
                files.entry(*id).or_default();
                rename(&mut names, event);
            }
            Event::Write(id, ..) | Event::Truncate(id, _) => {
                apply(files.get_mut(id).unwrap(), event, usize::MAX);
            }
            Event::Rename(..) | Event::Remove(_) => rename(&mut names, event),
            _ => {}
        }
    }
    for (name, id) in names {
        std::fs::write(into.join(name), &files[&id]).unwrap();
    }
    let page = &events[cut - 1].1;
    if !page.is_empty() {
        std::fs::write(into.join("page"), page).unwrap();
    }
}

fn apply(bytes: &mut Vec<u8>, event: &Event, most: usize) {
    match event {
        Event::Write(_, offset, written) => {
            let written = &written[..most.min(written.len())];
            let end = *offset as usize + written.len();
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[*offset as usize..end].copy_from_slice(written);
        }
        Event::Truncate(_, length) => bytes.resize(*length as usize, 0),
        _ => {}
    }
}

fn rename(names: &mut BTreeMap<String, usize>, event: &Event) {
    match event {
        Event::Create(name, id) => drop(names.insert(name.clone(), *id)),
        Event::Rename(from, to) => {
            if let Some(id) = names.remove(from) {
                names.insert(to.clone(), id);
            }
        }
        Event::Remove(name) => drop(names.remove(name)),
        _ => {}
    }
}
