//! `signetd doctor`: a closer look at a workspace than `check` takes. Changes nothing.

use std::process::ExitCode;

use super::check;
use crate::config::Environment;
use crate::db::oddities;

/// Prints what is odd; fails only when something is wrong, as odd values are read all the same.
pub fn run(env: &Environment) -> ExitCode {
    let sound = check::looks_sound(env);
    let path = env.database();
    if path.exists() {
        match oddities::count(&path) {
            Ok(found) if found.is_empty() => println!("values    all of the types their columns say"),
            Ok(found) => {
                for odd in found {
                    println!(
                        "values    {}.{}: {} rows hold {}; they are read as far as they can be",
                        odd.table, odd.column, odd.rows, odd.found
                    );
                }
            }
            Err(cause) => {
                println!("values    cannot be counted: {cause}");
                return ExitCode::FAILURE;
            }
        }
    }
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
