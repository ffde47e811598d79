//! PURE: what to do about a trouble at a cloud: one sentence each, for whoever set up the
//! integration.

use crate::callback::bucket::{Cloud, Trouble};

/// What the customer, or the operator, does about it.
#[must_use]
pub fn fix(cloud: Cloud, trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::NotTrusted => not_trusted(cloud),
        Trouble::Denied => denied(cloud),
        Trouble::NoBucket => match cloud {
            Cloud::Aws | Cloud::Gcp => "Correct the bucket's name, or make the bucket.",
            Cloud::Azure => {
                "Correct the names of the storage account and the container, or make the container."
            }
        },
        Trouble::NoObject => "Correct the object's name, or put it into the bucket.",
        Trouble::Region => "Set the region in which the bucket is.",
        Trouble::Clock => "Ask the operator of this gateway to set its clock.",
        Trouble::Network => {
            "Try again in a minute; if it goes on, ask the operator whether this gateway reaches the cloud."
        }
        Trouble::Busy => "Try again in a minute.",
        Trouble::Gateway => {
            "Ask the operator of this gateway to renew its own credentials at this cloud."
        }
        Trouble::NotSetUp => "Set the integration up on the Integrations page.",
        Trouble::Odd => "Send the cloud's answer below to the operator of this gateway.",
    }
}

fn not_trusted(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Aws => {
            "Check the role's ARN, and replace the role's trust policy by the one on the Integrations page."
        }
        Cloud::Gcp => {
            "Check the service account's address, and grant Service Account Token Creator on it as the commands on the Integrations page do."
        }
        Cloud::Azure => {
            "Check the tenant, consent to the application, and put the metadata onto the container as the commands on the Integrations page do."
        }
    }
}

fn denied(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Aws => {
            "Replace the role's permissions policy by the one on the Integrations page; if the bucket is encrypted, permit kms:Decrypt with its key, too."
        }
        Cloud::Gcp => {
            "Grant the service account its role on the bucket as the commands on the Integrations page do."
        }
        Cloud::Azure => {
            "Assign the application its roles as the commands on the Integrations page do; new assignments take some minutes."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trouble_has_one_fix_at_each_cloud() {
        for cloud in Cloud::ALL {
            for trouble in Trouble::ALL {
                let fix = fix(cloud, trouble);
                assert!(fix.ends_with('.') && !fix.contains(". "), "{fix}");
            }
        }
    }
}
