//! Where metrics are sent to, by the environment variables of OpenTelemetry's specification
//! (`OTEL_…`), as whatever runs the instances sets them for all its programs.
//!
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>

use std::time::Duration;

use percent_encoding::percent_decode_str;

use super::{Secret, Sources};

/// Metrics go to a collector.
#[derive(Clone, Debug)]
pub struct OtlpSettings {
    /// With its path.
    pub endpoint: String,
    pub headers: Vec<(String, Secret)>,
    /// Between two exports.
    pub interval: Duration,
    /// How long one may take.
    pub timeout: Duration,
    /// `service.name` and whatever else describes this process.
    pub resource: Vec<(String, String)>,
}

impl OtlpSettings {
    /// `None`: no collector is named. What cannot be used is told, and no reason not to start.
    pub fn read(sources: &Sources) -> Result<Option<Self>, String> {
        let variables = Variables(sources);
        let off = variables.is("OTEL_SDK_DISABLED", "true")
            || variables.is("OTEL_METRICS_EXPORTER", "none");
        let Some(endpoint) = variables.endpoint().filter(|_| !off) else {
            return Ok(None);
        };
        if !endpoint.starts_with("http://") && !endpoint.starts_with("https://") {
            return Err("the OTLP endpoint must begin with http:// or https://".to_owned());
        }
        let protocol = variables.of_metrics("PROTOCOL");
        if protocol.is_some_and(|(_, protocol)| protocol != "http/protobuf") {
            return Err("OTEL_EXPORTER_OTLP_PROTOCOL: only http/protobuf is spoken".to_owned());
        }
        let timeout = variables.of_metrics("TIMEOUT");
        let headers = variables.of_metrics("HEADERS");
        Ok(Some(Self {
            endpoint,
            headers: match headers {
                Some((name, text)) => {
                    let pairs = pairs(text).map_err(|problem| format!("{name}: {problem}"))?;
                    let secret = |(name, value)| (name, Secret::new(value));
                    pairs.into_iter().map(secret).collect()
                }
                None => Vec::new(),
            },
            interval: milliseconds(variables.get("OTEL_METRIC_EXPORT_INTERVAL"), 60_000)?,
            timeout: milliseconds(timeout, 10_000)?,
            resource: variables.resource()?,
        }))
    }
}

struct Variables<'a>(&'a Sources);

impl<'a> Variables<'a> {
    /// Empty is not set.
    fn get(&self, name: &'static str) -> Option<(&'static str, &'a str)> {
        let value = self.0.variable(name)?.trim();
        (!value.is_empty()).then_some((name, value))
    }

    fn is(&self, name: &'static str, expected: &str) -> bool {
        self.get(name)
            .is_some_and(|(_, value)| value.eq_ignore_ascii_case(expected))
    }

    /// The variable for metrics, else the one for all signals.
    fn of_metrics(&self, what: &str) -> Option<(&'static str, &'a str)> {
        let (own, general) = match what {
            "PROTOCOL" => (
                "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
                "OTEL_EXPORTER_OTLP_PROTOCOL",
            ),
            "HEADERS" => (
                "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
                "OTEL_EXPORTER_OTLP_HEADERS",
            ),
            _ => (
                "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT",
                "OTEL_EXPORTER_OTLP_TIMEOUT",
            ),
        };
        self.get(own).or_else(|| self.get(general))
    }

    /// One for metrics is taken as it is, one for all signals gets the path of metrics.
    fn endpoint(&self) -> Option<String> {
        let own = self.get("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT");
        let general = || {
            let (_, base) = self.get("OTEL_EXPORTER_OTLP_ENDPOINT")?;
            Some(format!("{}/v1/metrics", base.trim_end_matches('/')))
        };
        own.map(|(_, endpoint)| endpoint.to_owned())
            .or_else(general)
    }

    fn resource(&self) -> Result<Vec<(String, String)>, String> {
        let mut resource = match self.get("OTEL_RESOURCE_ATTRIBUTES") {
            Some((name, text)) => pairs(text).map_err(|problem| format!("{name}: {problem}"))?,
            None => Vec::new(),
        };
        let named = self.get("OTEL_SERVICE_NAME");
        if let Some((_, service)) = named {
            resource.retain(|(name, _)| name != "service.name");
            resource.push(("service.name".to_owned(), service.to_owned()));
        } else if !resource.iter().any(|(name, _)| name == "service.name") {
            resource.push(("service.name".to_owned(), "managing-api".to_owned()));
        }
        Ok(resource)
    }
}

fn milliseconds(variable: Option<(&'static str, &str)>, default: u64) -> Result<Duration, String> {
    let Some((name, text)) = variable else {
        return Ok(Duration::from_millis(default));
    };
    let number = text.parse().ok().filter(|number| *number > 0);
    number
        .map(Duration::from_millis)
        .ok_or_else(|| format!("{name}: expected milliseconds"))
}

/// `name=value,name=value`, values percent-encoded. A value may be a secret, so it is not repeated.
fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let texts = text
        .split(',')
        .map(str::trim)
        .filter(|pair| !pair.is_empty());
    texts
        .map(|pair| {
            let (name, value) = pair
                .split_once('=')
                .filter(|(name, _)| !name.trim().is_empty())
                .ok_or("expected name=value, separated by commas")?;
            let value = percent_decode_str(value.trim()).decode_utf8();
            let value = value.map_err(|_| "a value is not UTF-8")?;
            Ok((name.trim().to_owned(), value.into_owned()))
        })
        .collect::<Result<_, &str>>()
        .map_err(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Option<OtlpSettings>, String> {
        OtlpSettings::read(&Sources::new("nowhere", variables.iter().copied()))
    }

    const GENERAL: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/");

    #[test]
    fn the_endpoint_for_metrics_is_taken_as_it_is_and_the_general_one_gets_a_path() {
        let endpoint = |variables: &[_]| read(variables).unwrap().unwrap().endpoint;
        assert_eq!(endpoint(&[GENERAL]), "http://collector:4318/v1/metrics");
        let own = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "https://m.example/x");
        assert_eq!(endpoint(&[GENERAL, own]), "https://m.example/x");
    }

    #[test]
    fn it_is_off_without_an_endpoint_and_when_somebody_says_so() {
        for variables in [
            &[][..],
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", "")],
            &[GENERAL, ("OTEL_SDK_DISABLED", "TRUE")],
            &[GENERAL, ("OTEL_METRICS_EXPORTER", "none")],
        ] {
            assert!(read(variables).unwrap().is_none(), "{variables:?}");
        }
    }

    #[test]
    fn defaults_are_those_of_the_specification() {
        let settings = read(&[GENERAL]).unwrap().unwrap();
        assert_eq!(settings.interval, Duration::from_secs(60));
        assert_eq!(settings.timeout, Duration::from_secs(10));
        let name = ("service.name".to_owned(), "managing-api".to_owned());
        assert_eq!(settings.resource, [name]);
    }

    #[test]
    fn headers_are_decoded_and_do_not_print() {
        let headers = (
            "OTEL_EXPORTER_OTLP_HEADERS",
            "api-key=s%3D3, x-tenant = one",
        );
        let settings = read(&[GENERAL, headers]).unwrap().unwrap();
        let names: Vec<_> = settings
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.expose()))
            .collect();
        assert_eq!(names, [("api-key", "s=3"), ("x-tenant", "one")]);
        assert!(!format!("{settings:?}").contains("s=3"));
    }

    #[test]
    fn the_name_of_the_service_comes_first_from_its_own_variable() {
        let attributes = (
            "OTEL_RESOURCE_ATTRIBUTES",
            "service.name=a,deployment.environment=b",
        );
        let resource = |variables: &[_]| read(variables).unwrap().unwrap().resource;
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            resource(&[GENERAL, attributes]),
            [
                pair("service.name", "a"),
                pair("deployment.environment", "b")
            ]
        );
        assert_eq!(
            resource(&[GENERAL, attributes, ("OTEL_SERVICE_NAME", "c")]),
            [
                pair("deployment.environment", "b"),
                pair("service.name", "c")
            ]
        );
    }

    #[test]
    fn what_cannot_be_used_is_told_without_values() {
        for (variable, named) in [
            (("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), "http/protobuf"),
            (("OTEL_EXPORTER_OTLP_HEADERS", "s3cret"), "HEADERS"),
            (("OTEL_METRIC_EXPORT_INTERVAL", "0"), "INTERVAL"),
            (("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"), "TIMEOUT"),
            (("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "host:1"), "http://"),
        ] {
            let problem = read(&[GENERAL, variable]).unwrap_err();
            assert!(problem.contains(named), "{problem}");
            assert!(!problem.contains("s3cret"), "{problem}");
        }
    }
}
