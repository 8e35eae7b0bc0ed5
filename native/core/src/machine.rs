//! Machines: operations that ask, instead of doing I/O.
//!
//! An operation is written as a plain `async fn` over an `Ask`, reads top to bottom, and runs over
//! any store: native, TypeScript over a network, or one of a guest language. `step` polls it by
//! hand and hands out what it asked; whoever holds the store answers. No runtime, no waker: an
//! answer is the only thing that lets a machine go on, so a machine that is pending with nothing
//! asked is a fault of ours and says so.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::error::{fail, Code, Error, Result};
use crate::store::{batch, Entry, Found, Mode, Op, Query, Range, Supports, Version};

/// What a machine asks for. Buffers belong to the request: they outlive a dropped machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// `Store::get`.
    Get {
        /// The key.
        key: String,
        /// Part of the value, or all.
        range: Option<Range>,
    },
    /// A commit of one put.
    Put {
        /// The key.
        key: String,
        /// The value.
        value: Bytes,
        /// The condition.
        mode: Mode,
    },
    /// A commit of one delete.
    Delete {
        /// The key.
        key: String,
        /// The condition.
        if_version: Option<Version>,
    },
    /// `Store::list`.
    List(Query),
    /// A batch; only asked where `Supports::commit`.
    Commit(Vec<Op>),
    /// Milliseconds since 1970.
    Now,
    /// So many random bytes.
    Random(usize),
    /// Nothing, after this time.
    Sleep(Duration),
    /// Whether the caller has cancelled.
    Cancelled,
}

/// What answers a request of the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// To `Get`.
    Found(Option<Found>),
    /// To `Put`, `Delete` and `Commit`: the version of each put.
    Committed(Vec<Version>),
    /// To `Sleep`.
    Nothing,
    /// To `List`.
    Listed(Vec<Entry>),
    /// To `Now`.
    Time(u64),
    /// To `Random`.
    Random(Vec<u8>),
    /// To `Cancelled`.
    Cancelled(bool),
}

/// Names a request until it is answered.
pub type RequestId = u64;

/// Where a machine stands.
#[derive(Debug)]
pub enum Step<T> {
    /// Answer these, as many at once as can run together. Empty while earlier ones are open.
    Do(Vec<(RequestId, Request)>),
    /// It has ended.
    Done(Result<T>),
}

#[derive(Default)]
struct Mailbox {
    next: RequestId,
    asked: Vec<(RequestId, Request)>,
    answers: HashMap<RequestId, Result<Answer>>,
    open: HashSet<RequestId>,
}

/// The mouth of a machine: every method is a question, answered by the driver.
#[derive(Clone)]
pub struct Ask {
    mailbox: Arc<Mutex<Mailbox>>,
    supports: Arc<Supports>,
}

impl Ask {
    /// What the store can do.
    pub fn supports(&self) -> &Supports {
        &self.supports
    }

    /// The value of a key.
    pub async fn get(&self, key: impl Into<String>) -> Result<Option<Found>> {
        found(self.one(Request::Get { key: key.into(), range: None }).await?)
    }

    /// The values of several keys, asked together.
    pub async fn get_all(&self, keys: Vec<String>) -> Result<Vec<Option<Found>>> {
        let requests = keys.into_iter().map(|key| Request::Get { key, range: None }).collect();
        self.all(requests).await.into_iter().map(|answer| found(answer?)).collect()
    }

    /// A commit of one put.
    pub async fn put(&self, key: String, value: Bytes, mode: Mode) -> Result<Version> {
        let mut op = Op::Put { key, value, mode, ttl: None };
        self.settle(&mut op).await?;
        let Op::Put { key, value, mode, .. } = op else { return Err(mismatch()) };
        match self.one(Request::Put { key, value, mode }).await? {
            Answer::Committed(mut versions) => versions.pop().ok_or_else(mismatch),
            _ => Err(mismatch()),
        }
    }

    /// A commit of one delete.
    pub async fn delete(&self, key: String, if_version: Option<Version>) -> Result<()> {
        self.one(Request::Delete { key, if_version }).await.map(|_| ())
    }

    /// A batch.
    pub async fn commit(&self, mut ops: Vec<Op>) -> Result<Vec<Version>> {
        for op in &mut ops {
            self.settle(op).await?;
        }
        if !self.supports.conditional_put {
            ops.retain(|op| !matches!(op, Op::Check { .. }));
        }
        match self.one(Request::Commit(ops)).await? {
            Answer::Committed(versions) => Ok(versions),
            _ => Err(mismatch()),
        }
    }

    /// Keys in order.
    pub async fn list(&self, query: Query) -> Result<Vec<Entry>> {
        match self.one(Request::List(query)).await? {
            Answer::Listed(entries) => Ok(entries),
            _ => Err(mismatch()),
        }
    }

    /// Milliseconds since 1970.
    pub async fn now(&self) -> Result<u64> {
        match self.one(Request::Now).await? {
            Answer::Time(time) => Ok(time),
            _ => Err(mismatch()),
        }
    }

    /// So many random bytes.
    pub async fn random(&self, count: usize) -> Result<Vec<u8>> {
        match self.one(Request::Random(count)).await? {
            Answer::Random(bytes) if bytes.len() == count => Ok(bytes),
            _ => Err(mismatch()),
        }
    }

    /// Waits.
    pub async fn sleep(&self, time: Duration) -> Result<()> {
        self.one(Request::Sleep(time)).await.map(|_| ())
    }

    /// ABORTED if the caller has cancelled.
    pub async fn check_cancelled(&self) -> Result<()> {
        match self.one(Request::Cancelled).await? {
            Answer::Cancelled(false) => Ok(()),
            Answer::Cancelled(true) => fail(Code::Aborted, "The call was cancelled by its caller."),
            _ => Err(mismatch()),
        }
    }

    /// Several requests at once, each with its own answer.
    pub async fn all(&self, requests: Vec<Request>) -> Vec<Result<Answer>> {
        let ids: Vec<RequestId> = {
            let mut mailbox = self.mailbox.lock();
            requests.into_iter().map(|request| mailbox.ask(request)).collect()
        };
        let mut answers = Vec::with_capacity(ids.len());
        for id in ids {
            answers.push(Reply { mailbox: &self.mailbox, id }.await);
        }
        answers
    }

    /// Checks the condition of a step where the store cannot. Only its one writer may rely on that:
    /// what it has read still holds when it writes.
    async fn settle(&self, op: &mut Op) -> Result<()> {
        let free = matches!(op, Op::Put { mode: Mode::Overwrite, .. } | Op::Delete { .. });
        if self.supports.conditional_put || free {
            return Ok(());
        }
        let there = self.get(op.key()).await?.map(|found| found.version);
        batch::check_condition(op, there.as_ref())?;
        if let Op::Put { mode, .. } = op {
            *mode = Mode::Overwrite;
        }
        Ok(())
    }

    async fn one(&self, request: Request) -> Result<Answer> {
        let id = self.mailbox.lock().ask(request);
        Reply { mailbox: &self.mailbox, id }.await
    }
}

impl Mailbox {
    fn ask(&mut self, request: Request) -> RequestId {
        let id = self.next;
        self.next += 1;
        self.asked.push((id, request));
        id
    }
}

fn found(answer: Answer) -> Result<Option<Found>> {
    match answer {
        Answer::Found(found) => Ok(found),
        _ => Err(mismatch()),
    }
}

fn mismatch() -> Error {
    Error::new(Code::Internal, "A driver gave an answer of another kind than was asked for.")
}

struct Reply<'a> {
    mailbox: &'a Mutex<Mailbox>,
    id: RequestId,
}

impl Future for Reply<'_> {
    type Output = Result<Answer>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        match self.mailbox.lock().answers.remove(&self.id) {
            Some(answer) => Poll::Ready(answer),
            None => Poll::Pending,
        }
    }
}

/// An operation under way.
pub struct Machine<T> {
    future: Pin<Box<dyn Future<Output = Result<T>> + Send>>,
    mailbox: Arc<Mutex<Mailbox>>,
    ended: bool,
}

impl<T> Machine<T> {
    /// A machine that runs `operation` over a store with these abilities.
    pub fn new<F>(supports: Arc<Supports>, operation: impl FnOnce(Ask) -> F) -> Self
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let mailbox = Arc::new(Mutex::new(Mailbox::default()));
        let ask = Ask { mailbox: mailbox.clone(), supports };
        Machine { future: Box::pin(operation(ask)), mailbox, ended: false }
    }

    /// Answers one request. An id that is not open is ignored: a late answer does no harm.
    pub fn answer(&mut self, id: RequestId, answer: Result<Answer>) {
        let mut mailbox = self.mailbox.lock();
        if mailbox.open.remove(&id) {
            mailbox.answers.insert(id, answer);
        }
    }

    /// Goes on as far as the answers reach.
    pub fn step(&mut self) -> Step<T> {
        if self.ended {
            return Step::Done(fail(Code::Internal, "A machine was stepped after its end."));
        }
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(result) = self.future.as_mut().poll(&mut context) {
            self.ended = true;
            return Step::Done(result);
        }
        let mut mailbox = self.mailbox.lock();
        let asked = std::mem::take(&mut mailbox.asked);
        mailbox.open.extend(asked.iter().map(|(id, _)| *id));
        if mailbox.open.is_empty() {
            self.ended = true;
            return Step::Done(fail(Code::Internal, "A machine waits without having asked."));
        }
        Step::Do(asked)
    }
}
