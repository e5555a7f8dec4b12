//! `signetd check`: is this workspace in order?

use std::process::ExitCode;

use crate::config::{Environment, Found, Section, find, unknown_keys};
use crate::core::workspace;
use crate::db;

/// Prints a line per thing looked at; fails when one is wrong. Changes nothing.
pub fn run(env: &Environment) -> ExitCode {
    if looks_sound(env) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether workspace, config and database are in order.
pub fn looks_sound(env: &Environment) -> bool {
    println!("workspace {}", env.workspace.display());
    if let Err(cause) = workspace::check_layout(env) {
        println!("workspace {cause}");
        return false;
    }
    config(env) & database(env)
}

fn config(env: &Environment) -> bool {
    match find(&env.workspace) {
        Found::Missing => println!("config    none, defaults are used"),
        Found::Good { value, .. } => {
            println!("config    ok");
            for key in unknown_keys(Section(&value).at("memory.pipelineV2")) {
                println!("config    memory.pipelineV2.{key} is no key that is known here: it has no effect");
            }
        }
        Found::Broken(problem) => {
            println!("config    {problem}; the daemon goes on with the last good config");
            return false;
        }
    }
    true
}

fn database(env: &Environment) -> bool {
    let path = env.database();
    if !path.exists() {
        println!("database  none yet, the daemon creates it");
        return true;
    }
    match db::schema::inspect_file(&path).and_then(|()| db::integrity_problems(&path)) {
        Ok(problems) if problems.is_empty() => {
            println!("database  {}: ok", path.display());
            true
        }
        Ok(problems) => {
            println!("database  {}: damaged", path.display());
            problems.iter().for_each(|p| println!("          {p}"));
            false
        }
        Err(cause) => {
            println!("database  {cause}");
            false
        }
    }
}
