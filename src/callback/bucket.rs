//! PURE: whose bucket it is, and what is wrong when it does not do what was asked. Decided by
//! status and code, never by a text.

/// Who keeps the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cloud {
    /// Amazon S3.
    Aws,
    /// Google Cloud Storage.
    Gcp,
    /// Azure Blob Storage.
    Azure,
}

impl Cloud {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Aws, Self::Gcp, Self::Azure];

    /// As stored and in paths.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Gcp => "gcp",
            Self::Azure => "azure",
        }
    }

    /// For people.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Aws => "Amazon S3",
            Self::Gcp => "Google Cloud Storage",
            Self::Azure => "Azure Blob Storage",
        }
    }

    /// Reads [`Cloud::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cloud| cloud.as_str() == text)
    }
}

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Being let in: a role, an impersonation, a token.
    Trust,
    /// Listing, reading, writing.
    Use,
}

/// Why a bucket does not do what was asked, by who can do what about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The team has set up no such integration, or the operator has none.
    NotSetUp,
    /// The customer's account does not trust this gateway.
    NotTrusted,
    /// The customer trusts this gateway, but its role may not do this.
    Denied,
    /// There is no such bucket or container.
    NoBucket,
    /// There is no such object.
    NoObject,
    /// The bucket is in another region.
    Region,
    /// This gateway's clock and the cloud's differ by too much.
    Clock,
    /// The cloud cannot be reached.
    Network,
    /// The cloud asks to come later.
    Busy,
    /// The cloud does not know this gateway: its operator must act.
    Gateway,
    /// Something else.
    Odd,
}

impl Trouble {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::NotSetUp,
        Self::NotTrusted,
        Self::Denied,
        Self::NoBucket,
        Self::NoObject,
        Self::Region,
        Self::Clock,
        Self::Network,
        Self::Busy,
        Self::Gateway,
        Self::Odd,
    ];

    /// Stable short name.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NotSetUp => "bucket_not_set_up",
            Self::NotTrusted => "bucket_not_trusted",
            Self::Denied => "bucket_denied",
            Self::NoBucket => "bucket_missing",
            Self::NoObject => "bucket_object_missing",
            Self::Region => "bucket_region",
            Self::Clock => "bucket_clock",
            Self::Network => "bucket_network",
            Self::Busy => "bucket_busy",
            Self::Gateway => "bucket_gateway",
            Self::Odd => "bucket_odd",
        }
    }

    /// Reads [`Trouble::code`].
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|trouble| trouble.code() == code)
    }
}

/// What a refusal means: `code` is the cloud's own, empty where it gave none.
#[must_use]
pub fn of_refusal(cloud: Cloud, step: Step, status: u16, code: &str) -> Trouble {
    let known = match (cloud, step) {
        (Cloud::Aws, Step::Trust) => of_sts(code),
        (Cloud::Aws | Cloud::Gcp, Step::Use) => of_s3(code),
        (Cloud::Gcp, Step::Trust) => of_google(code),
        (Cloud::Azure, Step::Trust) => of_entra(code),
        (Cloud::Azure, Step::Use) => of_azure(code),
    };
    known.unwrap_or_else(|| of_status(step, status))
}

/// Amazon's token service.
fn of_sts(code: &str) -> Option<Trouble> {
    Some(match code {
        "AccessDenied" | "NoSuchEntity" | "ValidationError" => Trouble::NotTrusted,
        "InvalidClientTokenId"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "MissingAuthenticationToken"
        | "UnrecognizedClientException"
        | "InvalidAccessKeyId"
        | "ExpiredToken"
        | "ExpiredTokenException" => Trouble::Gateway,
        "RegionDisabledException" => Trouble::Region,
        "RequestExpired" => Trouble::Clock,
        "Throttling" | "ThrottlingException" => Trouble::Busy,
        _ => return None,
    })
}

/// S3 and Google's XML form of it.
fn of_s3(code: &str) -> Option<Trouble> {
    Some(match code {
        "AccessDenied" | "AllAccessDisabled" | "AccountProblem" | "UserProjectAccountProblem" => {
            Trouble::Denied
        }
        "NoSuchBucket" => Trouble::NoBucket,
        "NoSuchKey" => Trouble::NoObject,
        "PermanentRedirect"
        | "TemporaryRedirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException" => Trouble::Region,
        "RequestTimeTooSkewed" => Trouble::Clock,
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "InvalidToken"
        | "AuthenticationRequired" => Trouble::Gateway,
        "SlowDown" | "ServiceUnavailable" | "InternalError" | "RateLimitExceeded" => Trouble::Busy,
        _ => return None,
    })
}

/// Google's token service and IAM.
fn of_google(code: &str) -> Option<Trouble> {
    Some(match code {
        "PERMISSION_DENIED" | "NOT_FOUND" | "INVALID_ARGUMENT" => Trouble::NotTrusted,
        "UNAUTHENTICATED" | "invalid_grant" | "invalid_client" | "unauthorized_client" => {
            Trouble::Gateway
        }
        "RESOURCE_EXHAUSTED" | "UNAVAILABLE" | "INTERNAL" => Trouble::Busy,
        _ => return None,
    })
}

/// Microsoft's token service: the numbers behind `AADSTS`.
fn of_entra(code: &str) -> Option<Trouble> {
    Some(match code {
        // Not consented to, no such application there, no such tenant.
        "65001"
        | "500011"
        | "700016"
        | "90002"
        | "900023"
        | "unauthorized_client"
        | "invalid_tenant" => Trouble::NotTrusted,
        "7000215" | "7000222" | "7000112" | "invalid_client" => Trouble::Gateway,
        "temporarily_unavailable" => Trouble::Busy,
        _ => return None,
    })
}

fn of_azure(code: &str) -> Option<Trouble> {
    Some(match code {
        "AuthorizationPermissionMismatch"
        | "AuthorizationFailure"
        | "InsufficientAccountPermissions"
        | "PublicAccessNotPermitted"
        | "AccountIsDisabled" => Trouble::Denied,
        "ContainerNotFound" | "ContainerBeingDeleted" | "ResourceNotFound" => Trouble::NoBucket,
        "BlobNotFound" => Trouble::NoObject,
        "AuthenticationFailed" | "InvalidAuthenticationInfo" | "NoAuthenticationInformation" => {
            Trouble::NotTrusted
        }
        "ServerBusy" | "OperationTimedOut" | "InternalError" => Trouble::Busy,
        _ => return None,
    })
}

/// Where the cloud gave no code: an answer without a body.
fn of_status(step: Step, status: u16) -> Trouble {
    match (step, status) {
        (_, 429 | 500..=599) => Trouble::Busy,
        (Step::Trust, 401 | 403) => Trouble::NotTrusted,
        (Step::Use, 401 | 403) => Trouble::Denied,
        (Step::Use, 301 | 307) => Trouble::Region,
        (Step::Use, 404) => Trouble::NoObject,
        _ => Trouble::Odd,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clouds_own_codes_decide_before_the_status() {
        use Cloud::{Aws, Azure, Gcp};
        use Step::{Trust, Use};
        for (cloud, step, status, code, expected) in [
            (Aws, Trust, 403, "AccessDenied", Trouble::NotTrusted),
            (Aws, Trust, 403, "InvalidClientTokenId", Trouble::Gateway),
            (Aws, Trust, 403, "", Trouble::NotTrusted),
            (Aws, Use, 403, "AccessDenied", Trouble::Denied),
            (Aws, Use, 403, "RequestTimeTooSkewed", Trouble::Clock),
            (Aws, Use, 404, "NoSuchBucket", Trouble::NoBucket),
            (Aws, Use, 404, "NoSuchKey", Trouble::NoObject),
            (Aws, Use, 301, "PermanentRedirect", Trouble::Region),
            (Aws, Use, 301, "", Trouble::Region),
            (
                Aws,
                Use,
                400,
                "AuthorizationHeaderMalformed",
                Trouble::Region,
            ),
            (Aws, Use, 503, "SlowDown", Trouble::Busy),
            (Gcp, Trust, 403, "PERMISSION_DENIED", Trouble::NotTrusted),
            (Gcp, Trust, 400, "invalid_grant", Trouble::Gateway),
            (Gcp, Use, 404, "NoSuchBucket", Trouble::NoBucket),
            (Gcp, Use, 401, "", Trouble::Denied),
            (Azure, Trust, 400, "700016", Trouble::NotTrusted),
            (Azure, Trust, 401, "7000215", Trouble::Gateway),
            (
                Azure,
                Use,
                403,
                "AuthorizationPermissionMismatch",
                Trouble::Denied,
            ),
            (Azure, Use, 404, "ContainerNotFound", Trouble::NoBucket),
            (Azure, Use, 418, "Teapot", Trouble::Odd),
        ] {
            let found = of_refusal(cloud, step, status, code);
            assert_eq!(found, expected, "{cloud:?} {step:?} {status} {code}");
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for cloud in Cloud::ALL {
            assert_eq!(Cloud::parse(cloud.as_str()), Some(cloud));
        }
        for trouble in Trouble::ALL {
            assert_eq!(Trouble::from_code(trouble.code()), Some(trouble));
        }
        assert_eq!(Cloud::parse("other"), None);
        assert_eq!(Trouble::from_code("other"), None);
    }
}
