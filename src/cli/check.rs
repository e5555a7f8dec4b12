//! `signetd check`: is this workspace in order?

use std::process::ExitCode;

use crate::config::{CONFIG_FILES, Environment, parse_yaml};
use crate::db;

/// Prints a line per thing looked at; fails when one is wrong. Changes nothing.
pub fn run(env: &Environment) -> ExitCode {
    println!("workspace {}", env.workspace.display());
    let sound = config(env) & database(env);
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn config(env: &Environment) -> bool {
    let mut sound = true;
    let mut any = false;
    for name in CONFIG_FILES {
        let Ok(bytes) = std::fs::read(env.workspace.join(name)) else { continue };
        any = true;
        match parse_yaml(&String::from_utf8_lossy(&bytes)) {
            Ok(_) => println!("config    {name}: ok"),
            Err(cause) => {
                println!("config    {name}: does not parse, the daemon would use defaults: {cause}");
                sound = false;
            }
        }
    }
    if !any {
        println!("config    none, defaults are used");
    }
    sound
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
