//! Runs before every handler: who calls, may they.

use super::Caller;
use crate::app::App;
use crate::http::{ApiError, Gate, Request, Route};

/// `local` mode: whoever reaches the socket may do everything.
pub struct AccessGate;

impl Gate<App> for AccessGate {
    fn admit(&self, _: &App, _: Option<&'static Route<App>>, request: &mut Request) -> Result<(), ApiError> {
        request.caller = Caller::Local;
        Ok(())
    }
}
