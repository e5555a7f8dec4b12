//! Static route tables and the lookup over them.

use std::fmt;

use percent_encoding::percent_decode_str;

use super::{ApiError, Request, Response};
use crate::auth::Access;
use crate::limits::Bucket;

/// The methods the API knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
    Other,
}

impl Method {
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
            Method::Options => "OPTIONS",
            Method::Other => "OTHER",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which worker threads run a route: what waits has workers of its own, so that a silent model can
/// starve neither recall nor logins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Answers from memory and disk.
    Fast,
    /// Costly hashes: logins and keys.
    Hash,
    /// Waits for an upstream server.
    Model,
}

impl Lane {
    pub const ALL: [Lane; 3] = [Lane::Fast, Lane::Hash, Lane::Model];

    pub fn as_str(self) -> &'static str {
        match self {
            Lane::Fast => "fast",
            Lane::Hash => "hash",
            Lane::Model => "model",
        }
    }
}

/// Bytes of a body, where a route says nothing else.
const BODY: usize = 1024 * 1024;
/// Routes that have no use for a body read one off all the same.
const NO_BODY: usize = 64 * 1024;

pub type Handler<S> = fn(&S, &Request) -> Result<Response, ApiError>;

/// One line of a part's `ROUTES` table.
pub struct Route<S: 'static> {
    pub method: Method,
    /// `:name` stands for one path segment.
    pub path: &'static str,
    pub access: Access,
    pub limit: Option<Bucket>,
    pub lane: Lane,
    /// Tells of requests that wait for a model though the route is fast.
    pub model_if: Option<fn(&S, &Request) -> bool>,
    /// Changes something: a browser of a foreign origin may not call it.
    pub mutates: bool,
    /// Bytes of a body.
    pub max_body: usize,
    /// Answered on the connection's own thread: it waits for nothing and works next to nothing, so that
    /// handing it to a worker would cost the most.
    pub at_once: bool,
    /// Answers also while the daemon stops.
    pub while_stopping: bool,
    pub handler: Handler<S>,
}

impl<S> Route<S> {
    const fn new(method: Method, path: &'static str, access: Access, handler: Handler<S>) -> Self {
        let mutates = !matches!(method, Method::Get | Method::Head);
        Route {
            method,
            path,
            access,
            limit: None,
            lane: Lane::Fast,
            model_if: None,
            mutates,
            // nobody vouches for who sends to an open route
            max_body: if mutates && !matches!(access, Access::Open) { BODY } else { NO_BODY },
            at_once: false,
            while_stopping: false,
            handler,
        }
    }

    pub const fn get(path: &'static str, access: Access, handler: Handler<S>) -> Self {
        Self::new(Method::Get, path, access, handler)
    }

    pub const fn post(path: &'static str, access: Access, handler: Handler<S>) -> Self {
        Self::new(Method::Post, path, access, handler)
    }

    pub const fn patch(path: &'static str, access: Access, handler: Handler<S>) -> Self {
        Self::new(Method::Patch, path, access, handler)
    }

    pub const fn delete(path: &'static str, access: Access, handler: Handler<S>) -> Self {
        Self::new(Method::Delete, path, access, handler)
    }

    pub const fn limited(mut self, bucket: Bucket) -> Self {
        self.limit = Some(bucket);
        self
    }

    /// Another limit for bodies than [`BODY`], checked before anything else; the server's own is above
    /// all.
    pub const fn body_limit(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    pub const fn lane(mut self, lane: Lane) -> Self {
        self.lane = lane;
        self
    }

    /// Some requests of a fast route wait for a model. Asked before the gate, so it only looks.
    pub const fn model_if(mut self, waits: fn(&S, &Request) -> bool) -> Self {
        self.model_if = Some(waits);
        self
    }

    /// Which workers run this request.
    pub fn lane_of(&self, state: &S, request: &Request) -> Lane {
        if self.model_if.is_some_and(|waits| waits(state, request)) { Lane::Model } else { self.lane }
    }

    pub const fn at_once(mut self) -> Self {
        self.at_once = true;
        self
    }

    /// Who asks whether we live is told, however busy the workers are and while the daemon stops.
    pub const fn probe(mut self) -> Self {
        self.while_stopping = true;
        self.at_once()
    }

    /// A POST that only reads, such as recall.
    pub const fn reads(mut self) -> Self {
        self.mutates = false;
        self
    }
}

/// Decoded `:name` parts of a path.
pub type Params = Vec<(&'static str, String)>;

/// Where one segment of a path leads.
struct Node<S: 'static> {
    literals: Vec<(&'static str, Node<S>)>,
    parameter: Option<(&'static str, Box<Node<S>>)>,
    routes: Vec<&'static Route<S>>,
}

impl<S> Node<S> {
    fn empty() -> Self {
        Node { literals: Vec::new(), parameter: None, routes: Vec::new() }
    }

    fn insert(&mut self, segments: &[&'static str], route: &'static Route<S>) {
        let Some((first, rest)) = segments.split_first() else {
            let same = self.routes.iter().find(|r| r.method == route.method);
            // the tables are constants: this is a defect of the program, and every start shows it
            assert!(same.is_none(), "two routes {} {}", route.method, route.path);
            self.routes.push(route);
            return;
        };
        if let Some(name) = first.strip_prefix(':') {
            let (_, node) = self.parameter.get_or_insert_with(|| (name, Box::new(Node::empty())));
            node.insert(rest, route);
        } else if let Some((_, node)) = self.literals.iter_mut().find(|(text, _)| text == first) {
            node.insert(rest, route);
        } else {
            let mut node = Node::empty();
            node.insert(rest, route);
            self.literals.push((first, node));
        }
    }

    /// Literal segments win over parameters; a dead end behind a literal tries the parameter.
    fn find(&self, method: Method, segments: &[&str], params: &mut Params) -> Option<&'static Route<S>> {
        let Some((first, rest)) = segments.split_first() else {
            return self
                .routes
                .iter()
                .copied()
                .find(|r| r.method == method || (method == Method::Head && r.method == Method::Get));
        };
        if let Some((_, node)) = self.literals.iter().find(|(text, _)| text == first)
            && let Some(found) = node.find(method, rest, params)
        {
            return Some(found);
        }
        let (_, node) = self.parameter.as_ref()?;
        if first.is_empty() {
            return None;
        }
        let depth = params.len();
        let found = {
            params.push(("", decode(first)?));
            node.find(method, rest, params)
        };
        match found {
            Some(route) => {
                params[depth].0 = parameter_name(route.path, depth);
                Some(route)
            }
            None => {
                params.truncate(depth);
                None
            }
        }
    }
}

/// A path segment decoded; `None` for a segment that is no UTF-8 text.
fn decode(segment: &str) -> Option<String> {
    percent_decode_str(segment).decode_utf8().ok().map(|s| s.into_owned())
}

fn parameter_name(path: &'static str, index: usize) -> &'static str {
    path.split('/').filter_map(|s| s.strip_prefix(':')).nth(index).unwrap_or("")
}

/// All routes of the daemon, found by method and path.
pub struct Router<S: 'static> {
    tables: Vec<&'static [Route<S>]>,
    root: Node<S>,
}

impl<S> Router<S> {
    pub fn new(tables: &[&'static [Route<S>]]) -> Self {
        let mut root = Node::empty();
        for route in tables.iter().flat_map(|t| t.iter()) {
            let segments: Vec<&'static str> = route.path.split('/').skip(1).collect();
            root.insert(&segments, route);
        }
        Router { tables: tables.to_vec(), root }
    }

    /// The route and its decoded path parameters. A trailing slash is significant.
    pub fn find(&self, method: Method, path: &str) -> Option<(&'static Route<S>, Params)> {
        let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        let mut params = Vec::new();
        let route = self.root.find(method, &segments, &mut params)?;
        Some((route, params))
    }

    /// Every route in the order of the tables.
    pub fn routes(&self) -> impl Iterator<Item = &'static Route<S>> + '_ {
        self.tables.iter().flat_map(|t| t.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(_: &(), _: &Request) -> Result<Response, ApiError> {
        Ok(Response::empty(200))
    }

    static ROUTES: &[Route<()>] = &[
        Route::get("/", Access::Open, ok),
        Route::get("/a/:id", Access::Open, ok),
        Route::get("/a/search", Access::Open, ok),
        Route::post("/a/:id/undo", Access::Open, ok),
        Route::delete("/a/:key", Access::Open, ok),
    ];

    #[test]
    #[should_panic(expected = "two routes GET /a/:other")]
    fn a_second_route_of_one_method_and_path_is_refused() {
        static MORE: &[Route<()>] = &[Route::get("/a/:other", Access::Open, ok)];
        Router::new(&[ROUTES, MORE]);
    }

    fn found(method: Method, path: &str) -> Option<(&'static str, Params)> {
        Router::new(&[ROUTES]).find(method, path).map(|(r, p)| (r.path, p))
    }

    #[test]
    fn literals_win_and_parameters_are_decoded() {
        assert_eq!(found(Method::Get, "/a/search").unwrap().0, "/a/search");
        assert_eq!(found(Method::Get, "/a/x%2Fy%20z").unwrap(), ("/a/:id", vec![("id", "x/y z".to_owned())]));
        assert_eq!(found(Method::Delete, "/a/search").unwrap().1, vec![("key", "search".to_owned())]);
        assert_eq!(found(Method::Post, "/a/7/undo").unwrap().1, vec![("id", "7".to_owned())]);
        assert_eq!(found(Method::Head, "/").unwrap().0, "/");
    }

    #[test]
    fn trailing_slashes_other_methods_and_bad_encodings_find_nothing() {
        assert!(found(Method::Get, "/a/search/").is_none());
        assert!(found(Method::Get, "/a/").is_none());
        assert!(found(Method::Put, "/a/1").is_none());
        assert!(found(Method::Get, "/a/%ff%fe").is_none());
        assert!(found(Method::Get, "a").is_none());
    }

    proptest::proptest! {
        #[test]
        fn paths_of_any_kind_are_decoded_or_refused(path in "[/%a-f0-9A-F.:é ]{0,40}") {
            if let Some((_, params)) = found(Method::Get, &path) {
                proptest::prop_assert!(params.iter().all(|(name, value)| !name.is_empty() && !value.is_empty()));
            }
        }
    }
}
