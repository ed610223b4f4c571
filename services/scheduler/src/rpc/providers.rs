//! `lbaas.v1.ServiceProviders`

use ballast_proto::v1::{Filter, ListRequest, ListServiceProvidersResponse, ServiceProvider, service_providers_server};
use tonic::{Request, Response, Status};

use super::Api;

const LOADBALANCER: &str = "LOADBALANCER";

#[tonic::async_trait]
impl service_providers_server::ServiceProviders for Api {
    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListServiceProvidersResponse>, Status> {
        let filters = request.into_inner().filters;
        let all = self.0.providers.iter().map(|provider| ServiceProvider {
            service_type: LOADBALANCER.to_owned(),
            name: provider.name.clone(),
            default: provider.default,
            driver: provider.driver.clone(),
        });
        let service_providers = all.filter(|one| filters.iter().all(|filter| matches(one, filter))).collect();
        Ok(Response::new(ListServiceProvidersResponse { service_providers }))
    }
}

fn matches(provider: &ServiceProvider, filter: &Filter) -> bool {
    let is = |value: &String| match filter.field.as_str() {
        "service_type" => *value == provider.service_type,
        "name" => *value == provider.name,
        "default" => value.eq_ignore_ascii_case(&provider.default.to_string()),
        "driver" => *value == provider.driver,
        _ => true,
    };
    let mut values = filter.values.iter().filter(|value| !value.is_empty()).peekable();
    values.peek().is_none() || values.any(is)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_exact_and_booleans_in_any_case() {
        let provider = ServiceProvider {
            service_type: LOADBALANCER.to_owned(),
            name: "haproxy".to_owned(),
            default: true,
            driver: "haproxy-ns".to_owned(),
        };
        let filter = |field: &str, values: &[&str]| Filter {
            field: field.to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        assert!(matches(&provider, &filter("default", &["True"])));
        assert!(matches(&provider, &filter("name", &["a10", "haproxy"])));
        assert!(!matches(&provider, &filter("name", &["hap"])));
        assert!(matches(&provider, &filter("name", &[""])));
        assert!(matches(&provider, &filter("nosuch", &["x"])));
    }
}
