//! `/api/agents` (foundation part, §8).

use super::Agents;
use super::api::{Agent, AgentList, NewAgent, Removal, Removed};
use crate::core::access::Access::Needs;
use crate::core::access::{Permission, Target};
use crate::http::{ApiError, Request, Response, Route};

pub const ROUTES: &[Route<Agents>] = &[
    Route::get("/api/agents", Needs(Permission::Recall), list).gives::<AgentList>().about("The roster of agents"),
    Route::get("/api/agents/:name", Needs(Permission::Recall), get).gives::<Agent>().about("One agent"),
    Route::post("/api/agents", Needs(Permission::Remember), create)
        .takes::<NewAgent>()
        .makes::<Agent>()
        .about("Adds an agent to the roster; 409 when there is one of that name"),
    Route::delete("/api/agents/:name", Needs(Permission::Admin), remove)
        .takes::<Removal>()
        .gives::<Removed>()
        .about("Takes an agent off the roster and archives or purges its memories"),
];

fn list(agents: &Agents, _: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&agents.list()?))
}

fn get(agents: &Agents, req: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&agents.get(req.param("name"))?))
}

fn create(agents: &Agents, req: &Request) -> Result<Response, ApiError> {
    let new: NewAgent = req.input()?;
    req.caller.check_scope(Target { agent: Some(&new.name), ..Target::default() })?;
    Ok(Response::created(&agents.add(new)?))
}

fn remove(agents: &Agents, req: &Request) -> Result<Response, ApiError> {
    let removal: Removal = req.input()?;
    Ok(Response::json(&agents.remove(req.param("name"), removal.purge.0)?))
}
