//! The APIs that the organization calls, as tables: what each one's records carry. Data.
mod compute;
mod identity;
mod platform;
mod release;
mod storage;

/// One API, and the parts of its records that are its own; the parts are templates (see `template`).
#[derive(Debug, Clone, Copy)]
pub(super) struct Api {
    /// `eventSource` without `.amazonaws.com`.
    pub(super) service: &'static str,
    /// `eventName`.
    pub(super) name: &'static str,
    pub(super) sort: Sort,
    /// Minor part of `eventVersion`: 8 for 1.08.
    pub(super) version: u8,
    /// `requestParameters`.
    pub(super) request: &'static str,
    /// `responseElements` of a call that succeeds.
    pub(super) response: &'static str,
    /// `additionalEventData`; empty where there is none.
    pub(super) extra: &'static str,
    /// `resources`; empty where there are none.
    pub(super) resources: &'static str,
}

/// What kind of record an API leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// A read of the management plane.
    Read,
    /// A write of the management plane.
    Write,
    /// A read of the data plane.
    DataRead,
    /// A write of the data plane.
    DataWrite,
    /// Something the service did by itself: not a call.
    ServiceEvent,
    /// Somebody signs in to the console.
    SignIn,
}

impl Sort {
    pub(super) const fn read_only(self) -> bool {
        matches!(self, Self::Read | Self::DataRead)
    }

    pub(super) const fn is_data(self) -> bool {
        matches!(self, Self::DataRead | Self::DataWrite)
    }
}

const fn api(service: &'static str, name: &'static str, sort: Sort, version: u8) -> Api {
    Api { service, name, sort, version, request: "null", response: "null", extra: "", resources: "" }
}

const fn read(service: &'static str, name: &'static str, version: u8, request: &'static str) -> Api {
    api(service, name, Sort::Read, version).request(request)
}

const fn write(service: &'static str, name: &'static str, version: u8, request: &'static str) -> Api {
    api(service, name, Sort::Write, version).request(request)
}

impl Api {
    const fn request(mut self, request: &'static str) -> Self {
        self.request = request;
        self
    }

    const fn response(mut self, response: &'static str) -> Self {
        self.response = response;
        self
    }

    const fn extra(mut self, extra: &'static str) -> Self {
        self.extra = extra;
        self
    }

    const fn resources(mut self, resources: &'static str) -> Self {
        self.resources = resources;
        self
    }

    /// The API called `SERVICE:NAME`.
    pub(super) fn find(path: &str) -> Option<&'static Self> {
        let (service, name) = path.split_once(':')?;
        [compute::APIS, identity::APIS, platform::APIS, release::APIS, storage::APIS]
            .into_iter()
            .flatten()
            .find(|api| api.service == service && api.name == name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::template::{Scene, Template};
    use super::*;

    #[test]
    fn every_part_is_json_and_no_api_is_listed_twice() {
        let scene = Scene {
            account: "111122223333",
            env: "prod",
            region: "us-east-1",
            place: 3,
            at: 5,
            key: 7,
            session: 9,
            arn: "me",
            action: "do",
        };
        let mut seen = BTreeSet::new();
        for api in [compute::APIS, identity::APIS, platform::APIS, release::APIS, storage::APIS]
            .into_iter()
            .flatten()
        {
            assert!(seen.insert((api.service, api.name)), "{api:?}");
            for part in [api.request, api.response, api.extra, api.resources] {
                let text = Template::parse(part).map(|template| template.text(&scene));
                let text = text.unwrap_or_else(|error| panic!("{}: {error}", api.name));
                let json = serde_json::from_str::<serde_json::Value>(&text);
                assert!(text.is_empty() || json.is_ok(), "{}: {json:?} in {text}", api.name);
            }
            // Version 1.05 is written without `readOnly`: readers go by the name's verb, so it must say the truth.
            let reads = ["Get", "List", "Describe"].iter().any(|verb| api.name.starts_with(verb));
            assert!(api.version > 5 || reads == api.sort.read_only(), "{api:?}");
            assert!(api.version > 5 || !reads || api.response == "null", "{api:?}");
        }
    }
}
