//! One way in, one set of rules: from a request to its answer. The server calls it for what comes over
//! a socket, and so does the MCP endpoint for the tools it offers.

use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::route::Spec;
use super::router::{Mounted, Router};
use super::{ApiError, Lane, Method, Request, Response};
use crate::core::access::Caller;
use crate::core::{Error, Stop};

/// Decides who may pass before a handler runs.
pub trait Gate: Send + Sync {
    /// Who sends a request, or why it is not let in. `route` is `None` for an unknown path.
    fn identify(&self, route: Option<&'static Spec>, request: &Request) -> Result<Caller, Error>;

    /// Whether a caller may use a route now: permission and rate.
    fn permit(&self, route: &'static Spec, caller: &Caller, peer: Option<IpAddr>) -> Result<(), Error>;

    /// Whether identifying the sender takes a costly hash: that has a lane of its own. Asked on the
    /// connection's thread, so it only looks.
    fn is_costly(&self, request: &Request) -> bool;
}

/// The daemon `A` behind its routes and its gate.
pub struct Dispatcher<A: 'static> {
    app: Arc<A>,
    router: Router<A>,
    gate: Arc<dyn Gate>,
    /// New work is refused from then on, but for routes that answer while stopping.
    stop: Stop,
}

impl<A: Send + Sync + 'static> Dispatcher<A> {
    pub fn new(app: Arc<A>, router: Router<A>, gate: Arc<dyn Gate>, stop: Stop) -> Self {
        Dispatcher { app, router, gate, stop }
    }

    pub fn app(&self) -> &A {
        &self.app
    }

    pub fn gate(&self) -> &dyn Gate {
        &*self.gate
    }

    /// The route of a request, whose path parameters are filled in.
    pub fn route(&self, request: &mut Request) -> Option<&Mounted<A>> {
        let (route, params) = self.router.find(request.method, &request.path)?;
        request.params = params;
        Some(route)
    }

    /// Whether a request may go on; sets its caller. A panic is a 500.
    pub fn admit(&self, route: Option<&Mounted<A>>, request: &mut Request) -> Result<(), ApiError> {
        let spec = route.map(|route| route.spec);
        self.is_open(spec)?;
        request.caller = unpanicked(|| Ok(self.gate.identify(spec, request)?))?;
        match spec {
            Some(spec) => Ok(self.gate.permit(spec, &request.caller, request.peer_ip())?),
            None => Ok(()),
        }
    }

    /// Refuses new work while the daemon stops.
    fn is_open(&self, spec: Option<&Spec>) -> Result<(), Error> {
        if self.stop.is_stopped() && !spec.is_some_and(|spec| spec.while_stopping) {
            return Err(Error::unavailable("shutting down"));
        }
        Ok(())
    }

    /// The handler's answer to a request that was admitted.
    pub fn handle(&self, route: Option<&Mounted<A>>, request: &Request) -> Response {
        match route {
            Some(route) => unpanicked(|| route.answer(&self.app, request)).unwrap_or_else(Response::from),
            None => ApiError::not_found("Not found").into(),
        }
    }

    /// The whole way: gate, unless it was asked before, and handler.
    pub fn answer(&self, route: Option<&Mounted<A>>, request: &mut Request, admitted: bool) -> Response {
        if request.method == Method::Options {
            return preflight(request);
        }
        if !admitted && let Err(refused) = self.admit(route, request) {
            return refused.into();
        }
        self.handle(route, request)
    }
}

/// The dispatcher as parts see it that call routes themselves.
pub trait Dispatch: Send + Sync {
    /// Answers a request whose caller is known: under that caller's permissions and rates, on the thread that
    /// calls. Whoever calls routes of a slower lane must run on its workers.
    fn call(&self, request: &mut Request) -> Response;

    /// Whose workers are to run a request.
    fn lane(&self, request: &mut Request) -> Lane;
}

impl<A: Send + Sync + 'static> Dispatch for Dispatcher<A> {
    fn call(&self, request: &mut Request) -> Response {
        let Some(route) = self.route(request) else { return ApiError::not_found("Not found").into() };
        if request.body.len() > route.spec.max_body {
            return ApiError::too_large().into();
        }
        let open = self.is_open(Some(route.spec));
        let permitted = open.and_then(|()| self.gate.permit(route.spec, &request.caller, request.peer_ip()));
        match permitted {
            Ok(()) => self.handle(Some(route), request),
            Err(refused) => ApiError::from(refused).into(),
        }
    }

    fn lane(&self, request: &mut Request) -> Lane {
        self.route(request).map_or(Lane::Fast, |route| route.lane_of(&self.app, request))
    }
}

/// A panic as a 500; the panic hook has logged where and why.
fn unpanicked<T>(work: impl FnOnce() -> Result<T, ApiError>) -> Result<T, ApiError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(ApiError::new(500, "Internal server error")))
}

fn preflight(request: &Request) -> Response {
    let asked = request.headers.get("access-control-request-headers").unwrap_or_default();
    Response::empty(204)
        .with_header("Access-Control-Allow-Methods", "GET,HEAD,PUT,POST,DELETE,PATCH")
        .with_header("Access-Control-Allow-Headers", asked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::access::{Access, Permission};
    use crate::http::{Headers, Route};

    fn ok(_: &(), request: &Request) -> Result<Response, ApiError> {
        Ok(Response::text(200, request.param("id")))
    }

    fn breaks(_: &(), _: &Request) -> Result<Response, ApiError> {
        panic!("for the test")
    }

    static ROUTES: &[Route<()>] = &[
        Route::get("/a/:id", Access::Needs(Permission::Recall), ok),
        Route::post("/a/:id", Access::Needs(Permission::Admin), ok),
        Route::get("/live", Access::Open, ok).probe(),
        Route::get("/breaks", Access::Open, breaks),
    ];

    struct ByHeader;

    impl Gate for ByHeader {
        fn identify(&self, _: Option<&'static Spec>, request: &Request) -> Result<Caller, Error> {
            match request.headers.get("x-who") {
                Some("local") => Ok(Caller::Local),
                _ => Ok(Caller::Anonymous),
            }
        }

        fn permit(&self, route: &'static Spec, caller: &Caller, _: Option<IpAddr>) -> Result<(), Error> {
            match route.access {
                Access::Needs(permission) => caller.require(permission),
                _ => Ok(()),
            }
        }

        fn is_costly(&self, _: &Request) -> bool {
            false
        }
    }

    fn dispatcher() -> Dispatcher<()> {
        Dispatcher::new(Arc::new(()), Router::new().mount("test", ROUTES, |app| app), Arc::new(ByHeader), Stop::new())
    }

    fn ask(dispatcher: &Dispatcher<()>, method: Method, path: &str, who: &str) -> u16 {
        let mut request = Request::new(method, path, Headers(vec![("X-Who".into(), who.into())]), None);
        let route = dispatcher.route(&mut request);
        dispatcher.answer(route, &mut request, false).status
    }

    #[test]
    fn every_way_in_asks_the_gate() {
        let dispatcher = dispatcher();
        assert_eq!(ask(&dispatcher, Method::Get, "/a/1", "local"), 200);
        assert_eq!(ask(&dispatcher, Method::Get, "/a/1", "nobody"), 403);
        assert_eq!(ask(&dispatcher, Method::Get, "/b", "local"), 404);
        let mut request = Request::new(Method::Post, "/a/1", Headers::default(), None);
        request.caller = Caller::Anonymous;
        assert_eq!(dispatcher.call(&mut request).status, 403, "a call from inside has the caller's rights");
        request.caller = Caller::Local;
        assert_eq!(dispatcher.call(&mut request).status, 200);
    }

    #[test]
    fn panics_are_answers_and_a_stop_leaves_only_probes() {
        let dispatcher = dispatcher();
        assert_eq!(ask(&dispatcher, Method::Get, "/breaks", "local"), 500);
        dispatcher.stop.stop();
        assert_eq!(ask(&dispatcher, Method::Get, "/a/1", "local"), 503);
        assert_eq!(ask(&dispatcher, Method::Get, "/live", "nobody"), 200);
    }
}
