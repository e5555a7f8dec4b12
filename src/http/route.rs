//! One line of a part's `ROUTES` table: what is asked for, by whom, and what answers.

use super::input::{Input, Shape};
use super::openapi::{Describe, Described};
use super::{ApiError, Lane, Method, Request, Response};
use crate::config::Bucket;
use crate::core::access::Access;

/// Bytes of a body, where a route says nothing else.
pub const BODY: usize = 1024 * 1024;
/// Routes that have no use for a body read one off all the same.
const NO_BODY: usize = 64 * 1024;

pub type Handler<P> = fn(&P, &Request) -> Result<Response, ApiError>;

/// Everything about a route but the function that answers it.
#[derive(Debug)]
pub struct Spec {
    pub method: Method,
    /// `:name` stands for one path segment.
    pub path: &'static str,
    pub access: Access,
    pub limit: Option<Bucket>,
    pub lane: Lane,
    /// Some requests wait for a model though the route is fast.
    pub may_wait: bool,
    /// Changes something: a browser of a foreign origin may not call it.
    pub mutates: bool,
    /// Bytes of a body.
    pub max_body: usize,
    /// Answered on the connection's own thread: it waits for nothing and works next to nothing, so that
    /// handing it to a worker would cost the most.
    pub at_once: bool,
    /// Answers also while the daemon stops.
    pub while_stopping: bool,
    /// What it is for, in one sentence.
    pub about: &'static str,
    /// Bodies and parameters it takes.
    pub takes: &'static [&'static Shape],
    /// Its answers by status.
    pub gives: &'static [(u16, Described)],
    /// It answers with a page, not with JSON.
    pub is_page: bool,
    /// It answers with events for as long as the client listens.
    pub is_stream: bool,
}

/// A route of one part.
pub struct Route<P: 'static> {
    pub spec: Spec,
    /// Tells of requests that wait for a model though the route is fast.
    pub(super) model_if: Option<fn(&P, &Request) -> bool>,
    pub(super) handler: Handler<P>,
}

/// Holds a constant slice made of types.
struct Takes<I>(std::marker::PhantomData<I>);

impl<I: Input> Takes<I> {
    const SHAPES: &'static [&'static Shape] = &[I::SHAPE];
}

struct TakesBoth<I, J>(std::marker::PhantomData<(I, J)>);

impl<I: Input, J: Input> TakesBoth<I, J> {
    const SHAPES: &'static [&'static Shape] = &[I::SHAPE, J::SHAPE];
}

struct Gives<A>(std::marker::PhantomData<A>);

impl<A: Describe> Gives<A> {
    const OK: &'static [(u16, Described)] = &[(200, Described::of::<A>())];
    const CREATED: &'static [(u16, Described)] = &[(201, Described::of::<A>())];
}

impl<P> Route<P> {
    const fn new(method: Method, path: &'static str, access: Access, handler: Handler<P>) -> Self {
        let mutates = !matches!(method, Method::Get | Method::Head);
        let spec = Spec {
            method,
            path,
            access,
            limit: None,
            lane: Lane::Fast,
            may_wait: false,
            mutates,
            // nobody vouches for who sends to an open route
            max_body: if mutates && !matches!(access, Access::Open) { BODY } else { NO_BODY },
            at_once: false,
            while_stopping: false,
            about: "",
            takes: &[],
            gives: &[],
            is_page: false,
            is_stream: false,
        };
        Route { spec, model_if: None, handler }
    }

    pub const fn get(path: &'static str, access: Access, handler: Handler<P>) -> Self {
        Self::new(Method::Get, path, access, handler)
    }

    pub const fn post(path: &'static str, access: Access, handler: Handler<P>) -> Self {
        Self::new(Method::Post, path, access, handler)
    }

    pub const fn put(path: &'static str, access: Access, handler: Handler<P>) -> Self {
        Self::new(Method::Put, path, access, handler)
    }

    pub const fn patch(path: &'static str, access: Access, handler: Handler<P>) -> Self {
        Self::new(Method::Patch, path, access, handler)
    }

    pub const fn delete(path: &'static str, access: Access, handler: Handler<P>) -> Self {
        Self::new(Method::Delete, path, access, handler)
    }

    /// What it is for, in one sentence.
    pub const fn about(mut self, text: &'static str) -> Self {
        self.spec.about = text;
        self
    }

    /// The input it reads, as it is described to clients; the handler reads it with `Request::input`.
    pub const fn takes<I: Input>(mut self) -> Self {
        self.spec.takes = Takes::<I>::SHAPES;
        self
    }

    /// Two inputs that are read from the same request.
    pub const fn takes_both<I: Input, J: Input>(mut self) -> Self {
        self.spec.takes = TakesBoth::<I, J>::SHAPES;
        self
    }

    /// What a 200 holds.
    pub const fn gives<A: Describe>(mut self) -> Self {
        self.spec.gives = Gives::<A>::OK;
        self
    }

    /// What a 201 holds, of a route that makes something.
    pub const fn makes<A: Describe>(mut self) -> Self {
        self.spec.gives = Gives::<A>::CREATED;
        self
    }

    /// Answers of several statuses.
    pub const fn answers(mut self, by_status: &'static [(u16, Described)]) -> Self {
        self.spec.gives = by_status;
        self
    }

    /// A 200 is a page for people.
    pub const fn page(mut self) -> Self {
        self.spec.is_page = true;
        self
    }

    /// A 200 is a stream of server-sent events.
    pub const fn streams(mut self) -> Self {
        self.spec.is_stream = true;
        self
    }

    pub const fn limited(mut self, bucket: Bucket) -> Self {
        self.spec.limit = Some(bucket);
        self
    }

    /// Another limit for bodies than [`BODY`], checked before anything else; the server's own is above
    /// all.
    pub const fn body_limit(mut self, bytes: usize) -> Self {
        self.spec.max_body = bytes;
        self
    }

    pub const fn lane(mut self, lane: Lane) -> Self {
        self.spec.lane = lane;
        self
    }

    /// Some requests of a fast route wait for a model. Asked before the gate, so it only looks.
    pub const fn model_if(mut self, waits: fn(&P, &Request) -> bool) -> Self {
        self.model_if = Some(waits);
        self.spec.may_wait = true;
        self
    }

    pub const fn at_once(mut self) -> Self {
        self.spec.at_once = true;
        self
    }

    pub const fn while_stopping(mut self) -> Self {
        self.spec.while_stopping = true;
        self
    }

    /// Who asks whether we live is told, however busy the workers are and while the daemon stops.
    pub const fn probe(self) -> Self {
        self.while_stopping().at_once()
    }

    /// A POST that only reads, such as recall.
    pub const fn reads(mut self) -> Self {
        self.spec.mutates = false;
        self
    }
}
