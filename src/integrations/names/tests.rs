//! What passes, what does not, and what names become.

use super::*;
use proptest::prelude::*;

const SHORT_ID: &str = "ab12cd34";

fn parse(cloud: Cloud, given: &[(&str, &str)]) -> Result<Names, &'static str> {
    let find = |field: &str| given.iter().find(|(name, _)| *name == field);
    let text = |field| find(field).map_or(String::new(), |(_, text)| (*text).to_owned());
    Names::parse(cloud, text, SHORT_ID).map_err(|illegal| illegal.field)
}

fn aws(role_arn: &str, region: &str, bucket: &str) -> Result<Names, &'static str> {
    let given = [
        ("role_arn", role_arn),
        ("region", region),
        ("bucket", bucket),
    ];
    parse(Cloud::Aws, &given)
}

const ROLE: &str = "arn:aws:iam::123456789012:role/team/ringback";

#[test]
fn names_that_amazon_gives_pass_and_others_are_named() {
    for bucket in ["abc", "my-bucket.2", &"a".repeat(63)] {
        assert!(aws(ROLE, "eu-central-1", bucket).is_ok(), "{bucket}");
    }
    for region in ["us-east-1", "ap-southeast-2", "us-gov-west-1"] {
        assert!(aws(ROLE, region, "abc").is_ok(), "{region}");
    }
    for role in [
        "",
        "arn:aws:iam::12345678901:role/x",
        "arn:aws:iam::123456789012:user/x",
        "arn:aws:iam::123456789012:role/",
        "arn:aws:iam::123456789012:role/a b",
        "arn:aws:iam::123456789012:role/x&Action=Y",
    ] {
        assert_eq!(aws(role, "eu-central-1", "abc"), Err("role_arn"), "{role}");
    }
    for region in [
        "",
        "eu",
        "eu-1",
        "x.test/eu-central-1",
        "eu-central-1.x",
        "eu--1",
    ] {
        assert_eq!(aws(ROLE, region, "abc"), Err("region"), "{region}");
    }
    for bucket in [
        "ab", "a/b", "A-b", "a..b", "1.2.3.4", "-ab", "ab.", "a@b", "a_b", "a?b", "xn--abc",
    ] {
        assert_eq!(aws(ROLE, "eu-central-1", bucket), Err("bucket"), "{bucket}");
    }
}

#[test]
fn a_service_account_must_be_made_for_the_team() {
    let check = |account: &str, bucket: &str| {
        let given = [("service_account", account), ("bucket", bucket)];
        parse(Cloud::Gcp, &given).map(|_| ())
    };
    let good = "ringback-ab12cd34@my-project.iam.gserviceaccount.com";
    assert_eq!(check(good, "my_bucket.x"), Ok(()));
    for account in [
        "ringback-99999999@my-project.iam.gserviceaccount.com",
        "ringback@ab12cd34.iam.gserviceaccount.com",
        "ringback-ab12cd34@my-project.iam.gserviceaccount.com.x.test",
        "ringback-ab12cd34/x@my-project.iam.gserviceaccount.com",
        "ab12cd34@developer.gserviceaccount.com",
        "",
    ] {
        assert_eq!(check(account, "abc"), Err("service_account"), "{account}");
    }
    for bucket in ["google/x", "goog-x", "..", "a b c"] {
        assert_eq!(check(good, bucket), Err("bucket"), "{bucket}");
    }
}

#[test]
fn azure_names_are_a_tenant_an_account_and_a_container() {
    let tenant = "0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f";
    let check = |tenant: &str, account: &str, container: &str| {
        let given = [
            ("tenant_id", tenant),
            ("account", account),
            ("container", container),
        ];
        parse(Cloud::Azure, &given).map(|_| ())
    };
    assert_eq!(check(tenant, "kites1", "my-container"), Ok(()));
    assert_eq!(check("common", "kites1", "abc"), Err("tenant_id"));
    assert_eq!(
        check(&tenant.replace('-', ""), "kites1", "abc"),
        Err("tenant_id")
    );
    assert_eq!(check(tenant, "kites.x", "abc"), Err("account"));
    assert_eq!(check(tenant, "Kites", "abc"), Err("account"));
    assert_eq!(check(tenant, "kites", "a--b"), Err("container"));
    assert_eq!(check(tenant, "kites", "$root"), Err("container"));
}

#[test]
fn an_attachment_is_found_in_its_bucket_alone() {
    let names = aws(ROLE, "eu-central-1", "kites").unwrap();
    let key = |url: &str| names.key_of(url);
    assert_eq!(
        key("s3://kites/a/b c%20.png").as_deref(),
        Some("a/b c%20.png")
    );
    assert_eq!(key("s3://kites/"), None);
    assert_eq!(key("s3://kites2/a"), None);
    assert_eq!(key("gs://kites/a"), None);
    let azure = Names::Azure {
        tenant_id: String::new(),
        account: "acc".to_owned(),
        container: "box".to_owned(),
    };
    let url = "https://acc.blob.core.windows.net/box/a%20b/c.png";
    assert_eq!(azure.key_of(url).as_deref(), Some("a b/c.png"));
    for (url, cloud) in [
        ("s3://kites/a", Some(Cloud::Aws)),
        ("gs://kites/a", Some(Cloud::Gcp)),
        (url, Some(Cloud::Azure)),
        ("https://acc.blob.core.windows.net/box/a?sig=x", None),
        ("https://acc.blob.core.windows.net.x.test/box/a", None),
        ("https://example.test/a.png", None),
        ("see s3://kites/a", None),
    ] {
        assert_eq!(cloud_of(url), cloud, "{url}");
    }
}

#[test]
fn a_prefix_is_made_of_plain_parts() {
    for good in ["", "results", "a/b.c/d_e-f"] {
        assert_eq!(check_prefix(good), Ok(()), "{good}");
    }
    for bad in [
        "/a",
        "a/",
        "a//b",
        "a/../b",
        ".",
        "a b",
        "ä",
        &"a".repeat(201),
    ] {
        assert!(check_prefix(bad).is_err(), "{bad}");
    }
}

#[test]
fn names_are_read_as_they_are_written() {
    let names = [
        aws(ROLE, "eu-central-1", "kites").unwrap(),
        Names::Gcp {
            service_account: "a".to_owned(),
            bucket: "b".to_owned(),
        },
        Names::Azure {
            tenant_id: "t".to_owned(),
            account: "a".to_owned(),
            container: "c".to_owned(),
        },
    ];
    for names in names {
        let text = serde_json::to_string(&names).unwrap();
        assert_eq!(serde_json::from_str::<Names>(&text).unwrap(), names);
        for field in fields(names.cloud()) {
            assert!(!names.get(field).is_empty(), "{field}");
        }
    }
}

proptest! {
    /// Whatever passes stays one part of a host name or path.
    #[test]
    fn nothing_that_passes_can_leave_its_place_in_a_url(text in "\\PC{0,70}|[a-z0-9./@:%?#-]{0,70}") {
        let is_bad = |text: &str| text.contains(|c: char| "/@:%?#\\ ".contains(c)) || text.contains("..");
        for is_legal in [is_s3_bucket, is_gcs_bucket, is_region, is_storage_account, is_container, is_tenant] {
            prop_assert!(!is_legal(&text) || !is_bad(&text), "{text}");
        }
    }
}
