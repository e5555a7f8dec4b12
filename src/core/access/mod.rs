//! Who asks, what they may do, and which stored rows they may see: one answer for every route.

mod actor;
mod caller;
mod claims;
mod permission;
mod policy;
mod visible;

pub use actor::{Actor, Claimed};
pub use caller::{Asker, Caller, DEFAULT_AGENT, Target, agent_of_session};
pub use claims::{Claims, Scope};
pub use permission::{Access, Permission, Role};
pub use policy::{ReadPolicy, Readable, readable};
pub use visible::Visible;
