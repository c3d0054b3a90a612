//! MaxMind DB files: whose network an address is in, and in which country.

use std::net::IpAddr;

use maxminddb::Reader;
use serde::Deserialize;

use super::HostsError;
use crate::ends::Timestamp;

/// One MaxMind DB.
#[derive(Debug)]
pub(super) struct Operators {
    reader: Reader<Vec<u8>>,
}

/// Operator and country of an address.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) asn: Option<u32>,
    pub(super) operator: Option<String>,
    pub(super) country: Option<String>,
}

/// The fields of the usual files: GeoLite2 and GeoIP2, DB-IP, IPinfo.
#[derive(Debug, Deserialize)]
struct Record {
    autonomous_system_number: Option<u32>,
    autonomous_system_organization: Option<String>,
    /// IPinfo: as in `AS64500`.
    asn: Option<Text>,
    as_name: Option<String>,
    organization: Option<String>,
    country: Option<Country>,
    country_code: Option<String>,
    registered_country: Option<Country>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Text {
    Number(u32),
    Text(String),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Country {
    Code(String),
    Fields { iso_code: Option<String> },
}

impl Operators {
    pub(super) fn read(name: &str, bytes: Vec<u8>) -> Result<Self, HostsError> {
        let reader = Reader::from_source(bytes).map_err(|error| HostsError::Malformed {
            name: name.to_owned(),
            found: format!("no MaxMind DB ({error})"),
            expected: "a MaxMind DB file (.mmdb)",
        })?;
        Ok(Self { reader })
    }

    /// When it was built, as it says itself.
    pub(super) fn made(&self) -> Option<Timestamp> {
        let seconds = i64::try_from(self.reader.metadata().build_epoch).ok()?;
        seconds.checked_mul(1_000_000_000).map(Timestamp)
    }

    /// An entry that cannot be read says nothing.
    pub(super) fn of(&self, address: IpAddr) -> Option<Said> {
        let record: Record = self.reader.lookup(address).ok()?.decode().ok()??;
        let asn = record.autonomous_system_number.or(match record.asn {
            Some(Text::Number(number)) => Some(number),
            Some(Text::Text(text)) => text.trim_start_matches("AS").parse().ok(),
            None => None,
        });
        let operator = record.autonomous_system_organization.or(record.as_name).or(record.organization);
        let code = |country: Country| match country {
            Country::Code(code) => Some(code),
            Country::Fields { iso_code } => iso_code,
        };
        // A name where a code is expected: that of a list which has both.
        let country = record.country_code.or(record.country.and_then(code));
        let country = country.or(record.registered_country.and_then(code));
        let said = Said {
            asn,
            operator: operator.filter(|text| !text.is_empty()),
            country: country.filter(|text| !text.is_empty()),
        };
        (said.asn.is_some() || said.operator.is_some() || said.country.is_some()).then_some(said)
    }
}
