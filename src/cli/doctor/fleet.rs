//! Who else uses this Redis: instances of the own fleet, other fleets, .NET servers.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::{Report, finding::Finding, permissions::type_names};
use crate::{
    app,
    redis::{Instance, RedisService, list_instances, other_fleets},
    settings::Settings,
};

const SUBJECT: &str = "fleet";

pub(super) async fn examine(redis: &RedisService, settings: &Settings, report: &mut Report) {
    match list_instances(redis).await {
        Ok(instances) => report.add_all(own(&instances, settings)),
        Err(error) => report.add(Finding::warn(
            SUBJECT,
            format!("its instances cannot be listed: {error}"),
            "see the permissions above",
        )),
    }
    report.add_all(others(redis).await);
    report.add_all(dot_net(redis, settings).await);
}

fn own(instances: &[Instance], settings: &Settings) -> Vec<Finding> {
    let text = |instance: &Instance, member: &str| {
        let value = instance.description[member].as_str();
        value.unwrap_or("unknown").to_owned()
    };
    let distinct = |member: &str| -> BTreeSet<String> {
        instances.iter().map(|one| text(one, member)).collect()
    };
    let versions: Vec<String> = distinct("version").into_iter().collect();
    let name = &settings.fleet_name;
    let mut findings = vec![match (instances.len(), versions.len()) {
        (0, _) => Finding::note(SUBJECT, format!("{name} has no running instance")),
        (count, 1) => Finding::good(
            SUBJECT,
            format!("{name} has {count} running, version {}", versions[0]),
        ),
        (count, _) => Finding::warn(
            SUBJECT,
            format!(
                "{name} has {count} running, versions {}",
                versions.join(" and ")
            ),
            "fine during a deploy; otherwise restart the older ones",
        ),
    }];
    let mut keys = distinct("tokenKey");
    if !instances.is_empty() {
        keys.insert(app::token_key_mark(settings));
    }
    if keys.len() > 1 {
        findings.push(Finding::fail(
            SUBJECT,
            "instances sign connection tokens with different keys: one refuses what another gave out",
            "give all the same SignalR:TokenKey, or none at all: then Redis keeps one for all",
        ));
    }
    findings
}

async fn others(redis: &RedisService) -> Option<Finding> {
    let others = other_fleets(redis).await.ok()?;
    if others.is_empty() {
        return None;
    }
    Some(Finding::fail(
        SUBJECT,
        format!(
            "{} uses this Redis and prefix beside {}: hub messages reach both, connections and \
             keys are not shared",
            others.join(", "),
            redis.fleet()
        ),
        "one fleet: give both the same Fleet:Name (its default is the environment's name) and \
         SignalR:TokenKey; two: give one a channelPrefix= of its own",
    ))
}

/// The `:all` channel of every hub somebody serves or has on .NET.
async fn dot_net(redis: &RedisService, settings: &Settings) -> Vec<Finding> {
    let pattern = Bytes::from(format!("{}*:all", redis.prefix()));
    let arguments = vec![Bytes::from_static(b"CHANNELS"), pattern];
    let Ok(answer) = redis.command("PUBSUB", arguments).await else {
        return Vec::new();
    };
    let channels = answer.into_list().unwrap_or_default();
    let served: Vec<&str> = channels
        .iter()
        .filter_map(|channel| {
            channel
                .as_text()?
                .strip_prefix(redis.prefix())?
                .strip_suffix(":all")
        })
        .collect();
    mismatches(&served, &type_names(settings))
}

/// Hubs that are served under another type name than ours, but plainly mean the same hub.
fn mismatches(served: &[&str], own: &[(&'static str, String)]) -> Vec<Finding> {
    let short = |name: &str| name.rsplit('.').next().unwrap_or(name).to_lowercase();
    let mut findings = Vec::new();
    for (hub, name) in own {
        let others = served.iter().filter(|other| {
            **other != name && (short(other) == short(name) || short(other) == *hub)
        });
        findings.extend(others.map(|other| {
            Finding::fail(
                "hub type names",
                format!("another server calls its hub {other}, this one calls {hub} {name}: they do not hear each other"),
                format!("set SignalR:Hubs:{hub}:TypeName to {other} (the .NET hub class's full name)"),
            )
        }));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_of_the_same_short_name_elsewhere_is_a_mismatch() {
        let own = [("llmhub", "Managing.Api.Hubs.LlmHub".to_owned())];
        assert_eq!(mismatches(&["Managing.Api.Hubs.LlmHub"], &own), []);
        assert_eq!(mismatches(&["Shop.OrderHub"], &own), []);
        let found = mismatches(&["Managing.Web.LlmHub"], &own);
        let text = found[0].to_string();
        assert!(
            text.contains("SignalR:Hubs:llmhub:TypeName to Managing.Web.LlmHub"),
            "{text}"
        );
    }
}
