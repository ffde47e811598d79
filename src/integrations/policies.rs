//! PURE: what a customer pastes into their cloud's console or shell so that this gateway is let
//! in, with the names already in it.

use crate::callback::bucket::Cloud;
use crate::integrations::names::Names;
use serde_json::{Value, json};

/// Something to paste.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paste {
    /// Stable short name.
    pub id: &'static str,
    /// Where it goes.
    pub title: &'static str,
    /// The text.
    pub text: String,
}

/// Who this gateway is at the clouds.
#[derive(Debug, Clone, Copy)]
pub struct Operator<'a> {
    /// Its AWS account.
    pub aws_account: &'a str,
    /// The address of its service account at Google.
    pub google_account: &'a str,
    /// Its application at Microsoft.
    pub azure_application: &'a str,
}

/// Whom it is for, and what is already known.
#[derive(Debug, Clone, Copy)]
pub struct Customer<'a> {
    /// The team's external id.
    pub external_id: &'a str,
    /// The team's short id.
    pub short_id: &'a str,
    /// What the team named, if it did.
    pub names: Option<&'a Names>,
    /// Large results go below this prefix of the bucket, if they do.
    pub results_prefix: Option<&'a str>,
}

impl Customer<'_> {
    /// The name, or a word in its place that nobody takes for one.
    fn name<'b>(&'b self, field: &str, stand_in: &'b str) -> &'b str {
        let name = self.names.map_or("", |names| names.get(field));
        if name.is_empty() { stand_in } else { name }
    }
}

/// Everything to paste at this cloud, in order.
#[must_use]
pub fn pastes(cloud: Cloud, operator: Operator<'_>, customer: Customer<'_>) -> Vec<Paste> {
    match cloud {
        Cloud::Aws => vec![
            Paste {
                id: "trust",
                title: "Trust policy of the role",
                text: pretty(&aws_trust(operator.aws_account, customer.external_id)),
            },
            Paste {
                id: "permissions",
                title: "Permissions policy of the role",
                text: pretty(&aws_permissions(
                    customer.name("bucket", "YOUR-BUCKET"),
                    customer.results_prefix,
                )),
            },
        ],
        Cloud::Gcp => vec![Paste {
            id: "commands",
            title: "In Cloud Shell",
            text: gcp_commands(operator.google_account, customer),
        }],
        Cloud::Azure => vec![Paste {
            id: "commands",
            title: "In Cloud Shell, after your tenant's admin has signed in",
            text: azure_commands(operator.azure_application, customer),
        }],
    }
}

/// Who may take the role: this gateway's account, and only with the team's external id.
#[must_use]
pub fn aws_trust(account: &str, external_id: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"AWS": format!("arn:aws:iam::{account}:root")},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
        }],
    })
}

/// What the role may do: list and read the bucket, and write large results below their prefix.
#[must_use]
pub fn aws_permissions(bucket: &str, results_prefix: Option<&str>) -> Value {
    let bucket = format!("arn:aws:s3:::{bucket}");
    let mut statements = vec![
        json!({"Effect": "Allow", "Action": "s3:ListBucket", "Resource": bucket}),
        json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": format!("{bucket}/*")}),
    ];
    if let Some(prefix) = results_prefix {
        let objects = match prefix {
            "" => format!("{bucket}/*"),
            prefix => format!("{bucket}/{prefix}/*"),
        };
        statements.push(json!({"Effect": "Allow", "Action": "s3:PutObject", "Resource": objects}));
    }
    json!({"Version": "2012-10-17", "Statement": statements})
}

fn gcp_commands(operator: &str, customer: Customer<'_>) -> String {
    let account = format!(
        "ringback-{}@YOUR-PROJECT.iam.gserviceaccount.com",
        customer.short_id
    );
    let account = customer.name("service_account", &account);
    let name = account.split('@').next().unwrap_or_default();
    let project = account.split(['@', '.']).nth(1).unwrap_or_default();
    let bucket = customer.name("bucket", "YOUR-BUCKET");
    let role = match customer.results_prefix {
        Some(_) => "roles/storage.objectUser",
        None => "roles/storage.objectViewer",
    };
    format!(
        "gcloud iam service-accounts create {name} --project={project}\n\
         gcloud iam service-accounts add-iam-policy-binding {account} --project={project} \\\n  \
         --member=serviceAccount:{operator} --role=roles/iam.serviceAccountTokenCreator\n\
         gcloud storage buckets add-iam-policy-binding gs://{bucket} \\\n  \
         --member=serviceAccount:{account} --role={role}\n"
    )
}

fn azure_commands(application: &str, customer: Customer<'_>) -> String {
    let account = customer.name("account", "YOUR-ACCOUNT");
    let container = customer.name("container", "YOUR-CONTAINER");
    let mark = format!("{}={}", crate::cloud::azure::MARK, customer.external_id);
    let role = match customer.results_prefix {
        Some(_) => "Storage Blob Data Contributor",
        None => "Storage Blob Data Reader",
    };
    format!(
        "az ad sp create --id {application}\n\
         scope=$(az storage account show --name {account} --query id --output tsv)\n\
         az role assignment create --assignee {application} --role \"Storage Blob Delegator\" \\\n  \
         --scope \"$scope\"\n\
         az role assignment create --assignee {application} --role \"{role}\" \\\n  \
         --scope \"$scope/blobServices/default/containers/{container}\"\n\
         az storage container metadata update --auth-mode login --account-name {account} \\\n  \
         --name {container} --metadata {mark}\n"
    )
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("a value is always JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPERATOR: Operator<'_> = Operator {
        aws_account: "210987654321",
        google_account: "gateway@op.iam.gserviceaccount.com",
        azure_application: "11111111-2222-3333-4444-555555555555",
    };

    fn customer<'a>(names: Option<&'a Names>, results_prefix: Option<&'a str>) -> Customer<'a> {
        Customer {
            external_id: "ringback-0123",
            short_id: "ab12cd34",
            names,
            results_prefix,
        }
    }

    #[test]
    fn only_our_account_with_the_external_id_may_take_the_role() {
        let trust = aws_trust("210987654321", "ringback-0123");
        let statements = trust["Statement"].as_array().unwrap();
        assert_eq!(statements.len(), 1);
        let statement = &statements[0];
        assert_eq!(
            statement["Principal"]["AWS"],
            "arn:aws:iam::210987654321:root"
        );
        let condition = &statement["Condition"]["StringEquals"];
        assert_eq!(condition["sts:ExternalId"], "ringback-0123");
        assert_eq!(statement["Action"], "sts:AssumeRole");
    }

    #[test]
    fn the_role_may_write_only_below_the_prefix_of_results() {
        let actions = |prefix| {
            let policy = aws_permissions("kites", prefix);
            let statements = policy["Statement"].as_array().unwrap().clone();
            let pair = |it: &Value| {
                let text = |name: &str| it[name].as_str().unwrap().to_owned();
                (text("Action"), text("Resource"))
            };
            statements.iter().map(pair).collect::<Vec<_>>()
        };
        let read = [
            ("s3:ListBucket".to_owned(), "arn:aws:s3:::kites".to_owned()),
            ("s3:GetObject".to_owned(), "arn:aws:s3:::kites/*".to_owned()),
        ];
        assert_eq!(actions(None), read);
        let last = actions(Some("a/b")).pop().unwrap();
        assert_eq!(last.1, "arn:aws:s3:::kites/a/b/*");
        assert_eq!(actions(Some("")).pop().unwrap().1, "arn:aws:s3:::kites/*");
    }

    #[test]
    fn what_is_pasted_holds_the_names_or_words_that_stand_for_them() {
        let text = |cloud, names: Option<&Names>| {
            let pastes = pastes(cloud, OPERATOR, customer(names, None));
            let texts: Vec<_> = pastes.into_iter().map(|paste| paste.text).collect();
            texts.join("\n")
        };
        for text in text(Cloud::Aws, None).split("\n{").skip(1) {
            assert!(serde_json::from_str::<Value>(&format!("{{{text}")).is_ok());
        }
        assert!(text(Cloud::Aws, None).contains("YOUR-BUCKET"));
        let gcp = text(Cloud::Gcp, None);
        assert!(gcp.contains("create ringback-ab12cd34 --project=YOUR-PROJECT"));
        assert!(gcp.contains("serviceAccount:gateway@op.iam.gserviceaccount.com"));
        let names = Names::Azure {
            tenant_id: "t".to_owned(),
            account: "acc".to_owned(),
            container: "box".to_owned(),
        };
        let azure = text(Cloud::Azure, Some(&names));
        assert!(azure.contains("--name box --metadata ringback_external_id=ringback-0123"));
        assert!(azure.contains("Storage Blob Data Reader"));
    }
}
