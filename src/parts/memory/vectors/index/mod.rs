//! What recall needs of every memory, in memory: sign bits of its vector, its tokens, its place.
//!
//! About 110 bytes a memory. Loaded from the database in the background at start (recall works by
//! keyword meanwhile) and kept in step with writes. It decides the order of candidates only: what
//! a caller may see is decided by SQL, over the few distinct places here and again over every
//! row that is returned.

mod late;
mod load;
mod scan;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub use late::{Evidence, Question, boosted};
use load::Late;
pub use load::load;

use crate::embedding::{self, Token};
use crate::parts::memory::store::memories::Place;
use crate::sys::locks::{self, Held};
use crate::text::time;

/// Tokens of a memory that are kept.
const TOKENS: usize = 160;
/// Memories saved further apart in time than this are no neighbours.
const NEAR_S: i64 = 300;
/// "No such document".
const NONE: u32 = u32::MAX;

/// A memory as it is put into the index.
#[derive(Debug, Clone)]
pub struct Entry {
    pub rowid: i64,
    pub content: String,
    pub place: Place,
    pub who: Option<String>,
    pub created_at: String,
}

/// One memory, by its position.
#[derive(Debug, Clone)]
struct Doc {
    rowid: i64,
    tokens_at: u32,
    tokens: u16,
    place: u16,
    who: u16,
    alive: bool,
    has_vector: bool,
    question: bool,
    created_s: i64,
    /// The memory of the same place saved right before and right after.
    previous: u32,
    next: u32,
}

/// The memories in the order they were saved.
#[derive(Default)]
pub struct Docs {
    docs: Vec<Doc>,
    position: HashMap<i64, u32>,
    /// 64-bit words of sign bits per document.
    stride: usize,
    signs: Vec<u64>,
    tokens: Vec<Token>,
    places: Arc<Vec<Place>>,
    place_of: HashMap<Place, u16>,
    /// Lower-case words of each author's name.
    authors: Vec<Vec<String>>,
    author_of: HashMap<String, u16>,
    last_of_place: HashMap<u16, u32>,
    /// In how many live documents a token is.
    frequency: Vec<u32>,
    live: u32,
}

/// Distinct places and authors that are told apart.
const MOST_DISTINCT: usize = u16::MAX as usize - 1;
/// The place of memories beyond that: nobody is allowed it, so that they are found by words only.
const NOWHERE: u16 = u16::MAX;

/// Where the vector of an entry comes from.
#[derive(Debug, Clone, Copy)]
pub enum Vector<'a> {
    /// The embedded model, over the entry's own tokens.
    OfText,
    Stored(&'a [f32]),
    None,
}

/// An entry taken apart, before the index is locked for it.
struct Prepared<'a> {
    entry: Cow<'a, Entry>,
    tokens: Vec<Token>,
    signs: Option<Vec<u64>>,
    created_s: i64,
}

impl<'a> Prepared<'a> {
    fn of(entry: &'a Entry, vector: Vector<'_>) -> Self {
        let mut tokens = embedding::read(&entry.content).tokens;
        let signs = match vector {
            Vector::OfText => signs_of(&embedding::pooled(&tokens)),
            Vector::Stored(vector) => signs_of(vector),
            Vector::None => None,
        };
        tokens.truncate(TOKENS);
        let created_s = time::parse_stored(&entry.created_at).map_or(0, |t| t.seconds());
        Prepared { entry: Cow::Borrowed(entry), tokens, signs, created_s }
    }

    fn into_owned(self) -> Prepared<'static> {
        Prepared { entry: Cow::Owned(self.entry.into_owned()), ..self }
    }
}

/// The sign bits of a vector; `None` of all zeros, which is like nothing.
fn signs_of(vector: &[f32]) -> Option<Vec<u64>> {
    vector.iter().any(|x| *x != 0.0).then(|| scan::signs(vector))
}

/// The index of a running daemon.
#[derive(Default)]
pub struct Index {
    inner: RwLock<Loading>,
}

#[derive(Default)]
struct Loading {
    docs: Docs,
    /// Everything up to this rowid is in.
    loaded_to: i64,
    ready: bool,
    /// Changes since the loading began, by rowid, in their last state. They are made when it ends.
    late: HashMap<i64, Late>,
    /// There were more of them than are kept: all is to be loaded once more.
    overflowed: bool,
    /// There are no vectors and so no index: nothing is kept.
    off: bool,
    /// Rises with every restart of the loading: an older loader stops.
    generation: u64,
}

impl Index {
    fn read(&self) -> Held<RwLockReadGuard<'_, Loading>> {
        locks::read(&self.inner)
    }

    fn write(&self) -> Held<RwLockWriteGuard<'_, Loading>> {
        locks::write(&self.inner)
    }

    /// Runs `work` on the documents, when all of them are loaded. The database is not to be asked in
    /// it: what it is asked with and for comes before and after.
    pub fn with<T>(&self, work: impl FnOnce(&Docs) -> T) -> Option<T> {
        let inner = self.read();
        inner.ready.then(|| work(&inner.docs))
    }

    /// The places memories are in, as many as there are agents, projects and scopes; with the
    /// generation in which their numbers mean this.
    pub fn places(&self) -> Option<(u64, Arc<Vec<Place>>)> {
        let inner = self.read();
        inner.ready.then(|| (inner.generation, Arc::clone(&inner.docs.places)))
    }

    /// Like [`Self::with`], unless the index was loaded anew since the places were asked for.
    pub fn with_places<T>(&self, generation: u64, work: impl FnOnce(&Docs) -> T) -> Option<T> {
        let inner = self.read();
        (inner.ready && inner.generation == generation).then(|| work(&inner.docs))
    }

    /// Takes a new or changed memory in.
    pub fn put(&self, entry: &Entry, vector: Vector<'_>) {
        if self.read().off {
            return;
        }
        let prepared = Prepared::of(entry, vector);
        let mut inner = self.write();
        if inner.ready {
            inner.docs.put(&prepared);
        } else if !inner.off {
            inner.change_later(entry.rowid, Late::Put(Box::new(prepared.into_owned())));
        }
    }

    /// Gives a memory its vector.
    pub fn set_vector(&self, rowid: i64, vector: &[f32]) {
        let Some(signs) = signs_of(vector) else { return };
        let mut inner = self.write();
        if inner.ready {
            inner.docs.set_signs_of(rowid, &signs);
        }
        if inner.ready || inner.off {
            return;
        }
        match inner.late.get_mut(&rowid) {
            Some(Late::Put(prepared)) => prepared.signs = Some(signs),
            Some(Late::Removed) => {}
            _ => inner.change_later(rowid, Late::Vector(signs)),
        }
    }

    pub fn remove(&self, rowid: i64) {
        let mut inner = self.write();
        if inner.ready {
            inner.docs.remove(rowid);
        } else if !inner.off {
            inner.change_later(rowid, Late::Removed);
        }
    }

    /// Begins anew; returns the generation of the loading that is due.
    fn restart(&self, dims: usize) -> u64 {
        let mut inner = self.write();
        let generation = inner.generation + 1;
        *inner = Loading { docs: Docs::for_dims(dims), generation, off: dims == 0, ..Loading::default() };
        generation
    }

    /// Documents that are alive.
    pub fn live(&self) -> u32 {
        self.read().docs.live
    }
}

impl Docs {
    fn for_dims(dims: usize) -> Self {
        Docs { stride: dims.div_ceil(64), frequency: vec![0; embedding::Table::get().len()], ..Docs::default() }
    }

    fn put(&mut self, prepared: &Prepared<'_>) {
        let Prepared { entry, tokens, signs, created_s } = prepared;
        let place = self.place_id(&entry.place);
        let (tokens, signs) = (tokens.as_slice(), signs.as_deref());
        let at = match self.position.get(&entry.rowid).copied() {
            Some(at) => {
                self.forget_tokens(at);
                at
            }
            None => self.append(entry.rowid, place),
        };
        let tokens_at = self.tokens.len() as u32;
        let author = self.author_id(entry.who.as_deref().unwrap_or_default());
        let doc = &mut self.docs[at as usize];
        doc.tokens_at = tokens_at;
        doc.tokens = tokens.len() as u16;
        doc.place = place;
        doc.who = author;
        doc.alive = true;
        doc.question = entry.content.contains('?');
        doc.created_s = *created_s;
        doc.has_vector = false;
        self.tokens.extend_from_slice(tokens);
        self.count_tokens(at, 1);
        self.live += 1;
        if let Some(signs) = signs {
            self.set_signs(at, signs);
        }
    }

    fn append(&mut self, rowid: i64, place: u16) -> u32 {
        let at = self.docs.len() as u32;
        let previous = self.last_of_place.insert(place, at).unwrap_or(NONE);
        if previous != NONE {
            self.docs[previous as usize].next = at;
        }
        self.docs.push(Doc {
            rowid,
            tokens_at: 0,
            tokens: 0,
            place,
            who: 0,
            alive: false,
            has_vector: false,
            question: false,
            created_s: 0,
            previous,
            next: NONE,
        });
        self.signs.resize(self.docs.len() * self.stride, 0);
        self.position.insert(rowid, at);
        at
    }

    /// Tokens of a changed text stay in the arena until the next start; they are few.
    fn forget_tokens(&mut self, at: u32) {
        if self.docs[at as usize].alive {
            self.count_tokens(at, -1);
            self.docs[at as usize].alive = false;
            self.live -= 1;
        }
    }

    fn remove(&mut self, rowid: i64) {
        if let Some(at) = self.position.get(&rowid).copied() {
            self.forget_tokens(at);
        }
    }

    fn count_tokens(&mut self, at: u32, by: i32) {
        let mut distinct = self.tokens_of(at).to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        for token in distinct {
            let count = &mut self.frequency[usize::from(token)];
            *count = count.saturating_add_signed(by);
        }
    }

    fn tokens_of(&self, at: u32) -> &[Token] {
        let doc = &self.docs[at as usize];
        &self.tokens[doc.tokens_at as usize..doc.tokens_at as usize + usize::from(doc.tokens)]
    }

    fn place_id(&mut self, place: &Place) -> u16 {
        if let Some(known) = self.place_of.get(place) {
            return *known;
        }
        if self.places.len() >= MOST_DISTINCT {
            return NOWHERE;
        }
        let id = self.places.len() as u16;
        Arc::make_mut(&mut self.places).push(place.clone());
        self.place_of.insert(place.clone(), id);
        id
    }

    fn author_id(&mut self, name: &str) -> u16 {
        if let Some(known) = self.author_of.get(name) {
            return *known;
        }
        if self.authors.len() >= MOST_DISTINCT {
            return (self.authors.len() - 1) as u16;
        }
        let id = self.authors.len() as u16;
        let words = name
            .split(|c: char| !c.is_alphanumeric())
            .filter(|w| w.chars().count() >= 2)
            .map(str::to_lowercase)
            .collect();
        self.authors.push(words);
        self.author_of.insert(name.to_owned(), id);
        id
    }

    fn set_signs(&mut self, at: u32, signs: &[u64]) {
        if signs.len() == self.stride {
            self.signs[at as usize * self.stride..(at as usize + 1) * self.stride].copy_from_slice(signs);
            self.docs[at as usize].has_vector = true;
        }
    }

    fn set_signs_of(&mut self, rowid: i64, signs: &[u64]) {
        if let Some(at) = self.position.get(&rowid).copied() {
            self.set_signs(at, signs);
        }
    }

    /// Documents that are alive.
    pub fn live(&self) -> u32 {
        self.live
    }

    /// In how many memories the rarest piece of a word is.
    pub fn frequency_of(&self, word: &str) -> u32 {
        let tokens = embedding::tokenize(word);
        tokens.iter().map(|t| self.frequency[usize::from(*t)]).min().unwrap_or(0)
    }

    /// The documents right before and after one, of the same place and saved about the same time.
    fn neighbour(&self, at: u32, forward: bool) -> Option<u32> {
        let doc = &self.docs[at as usize];
        let other = if forward { doc.next } else { doc.previous };
        let near = self.docs.get(other as usize)?;
        let same = near.place == doc.place && (near.created_s - doc.created_s).abs() <= NEAR_S;
        (same && near.alive).then_some(other)
    }
}

/// Which documents may be looked at.
pub enum Allowed {
    /// By the number of their place.
    Places(Vec<bool>),
    /// By rowid, where a filter asks for more than the place.
    Rows(std::collections::HashSet<i64>),
}

impl Allowed {
    fn has(&self, doc: &Doc) -> bool {
        doc.alive
            && match self {
                Allowed::Places(places) => places.get(usize::from(doc.place)).copied().unwrap_or(false),
                Allowed::Rows(rows) => rows.contains(&doc.rowid),
            }
    }
}
