//! `/api/auth`: who am I, logging in, minting tokens, API keys (foundation part, §6).

use super::Auth;
use super::api::{ApiKeyList, Login, Methods, Minted, NewApiKey, OneApiKey, Reserved, Session, TokenRequest, WhoAmI};
use crate::config::Bucket;
use crate::core::access::Access::{Needs, Open};
use crate::core::access::Permission;
use crate::http::openapi::Described;
use crate::http::{ApiError, Lane, Request, Response, Route};

pub const ROUTES: &[Route<Auth>] = &[
    Route::get("/api/auth/whoami", Open, whoami).gives::<WhoAmI>().at_once().about("Who the caller is"),
    Route::get("/api/auth/methods", Open, methods).gives::<Methods>().at_once().about("How one can log in"),
    Route::post("/api/auth/login", Open, login)
        .takes::<Login>()
        .answers(&[(200, Described::of::<Session>()), (401, Described::refused())])
        .limited(Bucket::Login)
        .lane(Lane::Hash)
        .about("A password for an admin's session token; rated per peer"),
    Route::get("/api/auth/sso/start", Open, sso).answers(RESERVED).about("Reserved: 501"),
    Route::get("/api/auth/sso/callback", Open, sso).answers(RESERVED).about("Reserved: 501"),
    Route::get("/api/auth/saml/start", Open, saml).answers(RESERVED).about("Reserved: 501"),
    Route::post("/api/auth/saml/acs", Open, saml).answers(RESERVED).about("Reserved: 501"),
    Route::post("/api/auth/token", Needs(Permission::Admin), mint)
        .takes::<TokenRequest>()
        .gives::<Minted>()
        .limited(Bucket::Admin)
        .about("Mints a token"),
    Route::get("/api/auth/api-keys", Needs(Permission::Admin), list_keys)
        .gives::<ApiKeyList>()
        .limited(Bucket::Admin)
        .about("All API keys"),
    Route::post("/api/auth/api-keys", Needs(Permission::Admin), create_key)
        .takes::<NewApiKey>()
        .makes::<OneApiKey>()
        .limited(Bucket::Admin)
        .lane(Lane::Hash)
        .about("Makes an API key; the key is shown only this once"),
    Route::delete("/api/auth/api-keys/:id", Needs(Permission::Admin), revoke_key)
        .gives::<OneApiKey>()
        .limited(Bucket::Admin)
        .about("Revokes a key, named by its id or prefix"),
];

fn whoami(auth: &Auth, req: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&auth.whoami(&req.caller)))
}

fn methods(auth: &Auth, _: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&auth.methods()))
}

const RESERVED: &[(u16, Described)] = &[(501, Described::of::<Reserved>())];

fn reserved(provider: &'static str) -> Result<Response, ApiError> {
    Ok(Response::json_with(501, &Reserved { error: format!("{provider} login is not available"), provider }))
}

fn sso(_: &Auth, _: &Request) -> Result<Response, ApiError> {
    reserved("sso")
}

fn saml(_: &Auth, _: &Request) -> Result<Response, ApiError> {
    reserved("saml")
}

/// A body that cannot be read, in the words that these two routes have for it.
fn check_body(req: &Request) -> Result<(), ApiError> {
    req.object().map(|_| ()).map_err(|_| ApiError::bad_request("invalid request body"))
}

fn login(auth: &Auth, req: &Request) -> Result<Response, ApiError> {
    auth.required_secret()?;
    check_body(req)?;
    Ok(Response::json(&auth.log_in(&req.input()?)?))
}

fn mint(auth: &Auth, req: &Request) -> Result<Response, ApiError> {
    auth.required_secret()?;
    Ok(Response::json(&auth.mint_token(req.input()?)?))
}

fn list_keys(auth: &Auth, _: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&auth.api_keys()?))
}

fn create_key(auth: &Auth, req: &Request) -> Result<Response, ApiError> {
    check_body(req)?;
    Ok(Response::created(&auth.add_key(req.input::<NewApiKey>()?.into_request()?)?))
}

fn revoke_key(auth: &Auth, req: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(&auth.revoke_key(req.param("id"))?))
}
