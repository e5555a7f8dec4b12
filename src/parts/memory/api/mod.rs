//! What the routes of memories take and answer.

mod browse;
mod change;
mod feedback;
mod recall;
mod vectors;
mod write;

pub use browse::*;
pub use change::*;
pub use feedback::*;
pub use recall::*;
pub use vectors::*;
pub use write::*;
