//! Any service may send to the hubs' clients: routes in the shape of Azure SignalR's data-plane REST
//! API, version 2022-06-01, so that a client written for it works here.
//!
//! | file | what |
//! |---|---|
//! | [`access`] | who may send: the bearer of an access key's token, or an admin |
//! | [`message`] | the body of a send |
//! | [`answer`] | bodies and error codes as Azure has them |
//! | [`order`], [`presence`] | questions to all instances: who is there; orders: join, leave, close |
//! | `hub`, `connections`, `groups`, `users` | the routes |

pub mod access;
mod answer;
mod connections;
mod groups;
mod hub;
mod message;
mod order;
mod presence;
mod users;

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use utoipa::{IntoParams, OpenApi};

pub use self::answer::ServiceResponse;
use self::{
    access::SendAccess,
    order::{Order, Whom},
    presence::Presence,
};
use super::request::query_values;
use crate::{problem::Problem, redis::Instances, signalr::hub::HubContext};

/// What the routes need.
#[derive(Clone)]
pub struct SendRoutes {
    pub hubs: Arc<[(&'static str, HubContext)]>,
    pub access: Arc<SendAccess>,
    /// The other instances, where there may be some.
    pub instances: Option<Arc<Instances>>,
}

type Sends = web::Data<SendRoutes>;
type Answer = Result<HttpResponse, answer::Refusal>;

/// Adds the routes.
pub fn routes(config: &mut web::ServiceConfig, routes: SendRoutes) {
    config.app_data(web::Data::new(routes));
    hub::routes(config);
    connections::routes(config);
    groups::routes(config);
    users::routes(config);
}

/// The routes' part of the OpenAPI document.
pub fn described() -> utoipa::openapi::OpenApi {
    let mut document = hub::Described::openapi();
    document.merge(connections::Described::openapi());
    document.merge(groups::Described::openapi());
    document.merge(users::Described::openapi());
    document
}

impl SendRoutes {
    /// Answers the other instances' questions from now on.
    pub fn serve_instances(&self) {
        if let Some(instances) = &self.instances {
            presence::serve(instances, self.hubs.clone());
        }
    }

    /// The hub of a request that may be carried out.
    async fn hub(&self, request: &HttpRequest, name: &str) -> Result<Presence, Problem> {
        self.access.check(request).await?;
        let mut hubs = self.hubs.iter();
        let hub = hubs.find(|(known, _)| known.eq_ignore_ascii_case(name));
        match hub {
            Some((name, context)) => {
                let instances = self.instances.clone();
                Ok(Presence::new(name, context.clone(), instances))
            }
            None => Err(Problem::not_found(format!("there is no hub {name}"))),
        }
    }
}

/// Closes connections as a request says: whom it leaves out, and what they are told. Whether there
/// was any.
async fn close(hub: &Presence, whom: Whom, request: &HttpRequest) -> Result<bool, Problem> {
    let order = Order::Close {
        whom,
        excluded: Excluded::of(request).excluded,
        reason: Reason::of(request).reason,
    };
    hub.everywhere(order).await
}

/// Empty where there is somebody, else the refusal.
async fn existence(hub: &Presence, whom: Whom, refusal: answer::Refusal) -> Answer {
    match hub.is_anybody(whom).await? {
        true => Ok(HttpResponse::Ok().finish()),
        false => Err(refusal),
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct HubPath {
    /// `llmhub`, `bothub` or `backtesthub`, in any case.
    #[param(max_length = 128)]
    hub: String,
}

/// Connections that are left out, and what closed ones are told.
#[derive(Default, IntoParams)]
#[into_params(parameter_in = Query)]
struct Excluded {
    /// Ids of connections that are left out; may be given several times.
    #[param(required = false)]
    excluded: Vec<String>,
}

impl Excluded {
    fn of(request: &HttpRequest) -> Self {
        Self {
            excluded: query_values(request, "excluded"),
        }
    }
}

#[derive(Default, IntoParams)]
#[into_params(parameter_in = Query)]
struct Reason {
    /// What the client reads.
    reason: Option<String>,
}

impl Reason {
    fn of(request: &HttpRequest) -> Self {
        let mut reasons = query_values(request, "reason").into_iter();
        Self {
            reason: reasons.next().filter(|reason| !reason.is_empty()),
        }
    }
}

/// Names of users and groups, as Azure limits them, and ids of connections.
fn check_name(name: &str, what: &str) -> Result<(), Problem> {
    let has_control = name.chars().any(char::is_control);
    if name.trim().is_empty() || name.chars().count() > 1024 || has_control {
        let message = format!(
            "the {what} must have 1 to 1024 characters, not only spaces, and no control characters"
        );
        return Err(Problem::invalid(message));
    }
    Ok(())
}
