//! The parts' static tables, mounted on the daemon, and the lookup over them.

use percent_encoding::percent_decode_str;

use super::route::{Route, Spec};
use super::{ApiError, Lane, Method, Request, Response};

/// Decoded `:name` parts of a path.
pub type Params = Vec<(&'static str, String)>;

/// How a part of the daemon `A` answers one of its routes.
trait Answers<A>: Send + Sync {
    fn answer(&self, app: &A, request: &Request) -> Result<Response, ApiError>;
    fn waits_for_model(&self, app: &A, request: &Request) -> bool;
}

/// A part's route with the way from the daemon to that part.
struct OnPart<A, P: 'static> {
    route: &'static Route<P>,
    part: fn(&A) -> &P,
}

impl<A, P> Answers<A> for OnPart<A, P> {
    fn answer(&self, app: &A, request: &Request) -> Result<Response, ApiError> {
        (self.route.handler)((self.part)(app), request)
    }

    fn waits_for_model(&self, app: &A, request: &Request) -> bool {
        self.route.model_if.is_some_and(|waits| waits((self.part)(app), request))
    }
}

/// A route as the daemon has it.
pub struct Mounted<A> {
    /// The name of its part.
    pub part: &'static str,
    pub spec: &'static Spec,
    answers: Box<dyn Answers<A>>,
}

impl<A> Mounted<A> {
    pub fn answer(&self, app: &A, request: &Request) -> Result<Response, ApiError> {
        self.answers.answer(app, request)
    }

    /// Which workers run this request.
    pub fn lane_of(&self, app: &A, request: &Request) -> Lane {
        if self.answers.waits_for_model(app, request) { Lane::Model } else { self.spec.lane }
    }
}

/// Where one segment of a path leads.
#[derive(Default)]
struct Node {
    literals: Vec<(&'static str, Node)>,
    parameter: Option<Box<Node>>,
    /// Places in the list of all routes.
    routes: Vec<(Method, usize)>,
}

impl Node {
    fn insert(&mut self, segments: &[&'static str], spec: &'static Spec, at: usize) {
        let Some((first, rest)) = segments.split_first() else {
            // the tables are constants: this is a defect of the program, and every start shows it
            let taken = self.routes.iter().any(|(method, _)| *method == spec.method);
            assert!(!taken, "two routes {} {}", spec.method, spec.path);
            self.routes.push((spec.method, at));
            return;
        };
        if first.starts_with(':') {
            self.parameter.get_or_insert_default().insert(rest, spec, at);
        } else if let Some((_, node)) = self.literals.iter_mut().find(|(text, _)| text == first) {
            node.insert(rest, spec, at);
        } else {
            let mut node = Node::default();
            node.insert(rest, spec, at);
            self.literals.push((first, node));
        }
    }

    /// Literal segments win over parameters; a dead end behind a literal tries the parameter. `values`
    /// are those of the parameters on the way.
    fn find(&self, method: Method, segments: &[&str], values: &mut Vec<String>) -> Option<usize> {
        let Some((first, rest)) = segments.split_first() else {
            let same = |of: &Method| *of == method || (method == Method::Head && *of == Method::Get);
            return self.routes.iter().find(|(of, _)| same(of)).map(|(_, at)| *at);
        };
        if let Some((_, node)) = self.literals.iter().find(|(text, _)| text == first)
            && let Some(found) = node.find(method, rest, values)
        {
            return Some(found);
        }
        let node = self.parameter.as_ref()?;
        if first.is_empty() {
            return None;
        }
        let depth = values.len();
        values.push(decode(first)?);
        let found = node.find(method, rest, values);
        if found.is_none() {
            values.truncate(depth);
        }
        found
    }
}

/// A path segment decoded; `None` for a segment that is no UTF-8 text.
fn decode(segment: &str) -> Option<String> {
    percent_decode_str(segment).decode_utf8().ok().map(|s| s.into_owned())
}

/// The names of a path's parameters, in order.
pub fn parameters(path: &'static str) -> impl Iterator<Item = &'static str> {
    path.split('/').filter_map(|segment| segment.strip_prefix(':'))
}

/// All routes of the daemon, found by method and path.
pub struct Router<A> {
    routes: Vec<Mounted<A>>,
    root: Node,
}

impl<A> Default for Router<A> {
    fn default() -> Self {
        Router { routes: Vec::new(), root: Node::default() }
    }
}

impl<A: 'static> Router<A> {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a part's table under the part's name. Two routes of the same method and path are refused.
    pub fn mount<P: 'static>(mut self, name: &'static str, routes: &'static [Route<P>], part: fn(&A) -> &P) -> Self {
        for route in routes {
            let segments: Vec<&'static str> = route.spec.path.split('/').skip(1).collect();
            self.root.insert(&segments, &route.spec, self.routes.len());
            self.routes.push(Mounted { part: name, spec: &route.spec, answers: Box::new(OnPart { route, part }) });
        }
        self
    }

    /// The route and its decoded path parameters. A trailing slash is significant.
    pub fn find(&self, method: Method, path: &str) -> Option<(&Mounted<A>, Params)> {
        let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        let mut values = Vec::new();
        let route = &self.routes[self.root.find(method, &segments, &mut values)?];
        Some((route, parameters(route.spec.path).zip(values).collect()))
    }

    /// Every route with its part's name, in the order in which they were mounted.
    pub fn specs(&self) -> impl Iterator<Item = (&'static str, &'static Spec)> + '_ {
        self.routes.iter().map(|route| (route.part, route.spec))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::access::Access;

    fn ok(_: &(), _: &Request) -> Result<Response, ApiError> {
        Ok(Response::empty(200))
    }

    static ROUTES: &[Route<()>] = &[
        Route::get("/", Access::Open, ok),
        Route::get("/a/:id", Access::Open, ok),
        Route::get("/a/search", Access::Open, ok),
        Route::post("/a/:id/undo", Access::Open, ok),
        Route::delete("/a/:key", Access::Open, ok),
        Route::get("/a/:id/b/:n", Access::Open, ok),
    ];

    fn router() -> Router<()> {
        Router::new().mount("test", ROUTES, |app| app)
    }

    #[test]
    #[should_panic(expected = "two routes GET /a/:other")]
    fn a_second_route_of_one_method_and_path_is_refused() {
        static MORE: &[Route<()>] = &[Route::get("/a/:other", Access::Open, ok)];
        router().mount("more", MORE, |app| app);
    }

    fn found(method: Method, path: &str) -> Option<(&'static str, Params)> {
        router().find(method, path).map(|(r, p)| (r.spec.path, p))
    }

    #[test]
    fn literals_win_and_parameters_are_decoded() {
        assert_eq!(found(Method::Get, "/a/search").unwrap().0, "/a/search");
        assert_eq!(found(Method::Get, "/a/x%2Fy%20z").unwrap(), ("/a/:id", vec![("id", "x/y z".to_owned())]));
        assert_eq!(found(Method::Delete, "/a/search").unwrap().1, vec![("key", "search".to_owned())]);
        assert_eq!(found(Method::Post, "/a/7/undo").unwrap().1, vec![("id", "7".to_owned())]);
        assert_eq!(found(Method::Get, "/a/search/b/2").unwrap().1, [("id", "search".into()), ("n", "2".into())]);
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
