//! All that runs beside requests: periodic work, durable jobs, child processes, streams to many
//! readers, and the one way to stop any of it. Knows no part.

mod hub;
mod process;
mod queue;
mod stop;
mod sweep;
mod ticker;

pub use hub::{Hub, Next, Reader};
pub use process::{Ended, Finished, Process};
pub use queue::{Job, Jobs, Outcome, Queue, Worker, retry_after_s};
pub use stop::Stop;
pub use sweep::sweep;
pub use ticker::{Last, Ticker, Tickers};
