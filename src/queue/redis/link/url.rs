//! `queue.url`: what is written there, as a value. Parsed once, before anything is
//! dialled. No error repeats any of the text, because it may hold a password.

use percent_encoding::percent_decode_str;
use std::fmt;
use url::{Url, form_urlencoded};

const REDIS_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// A host and its port, as dialled.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// A name or an IP address; an IPv6 address without its brackets.
    pub host: String,
    /// From 1 to 65535.
    pub port: u16,
}

/// Who we are to a server. No `Debug`, so that no password reaches a log.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Login {
    /// The server's `default` user when empty.
    pub user: Option<String>,
    /// None: the server asks for none.
    pub password: Option<String>,
}

/// Which kind of Redis stands behind the hosts.
#[derive(Clone, PartialEq, Eq)]
pub enum Form {
    /// One server.
    Single,
    /// The hosts are sentinels; they know which server is the master now.
    Sentinel {
        /// The name under which the sentinels watch it.
        master: String,
        /// The sentinels' own password, which is not the master's.
        login: Login,
    },
    /// The hosts are some nodes of a cluster; they know the others.
    Cluster,
}

/// A whole `queue.url`.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// One server, sentinels or a cluster.
    pub form: Form,
    /// Whether every connection is TLS.
    pub tls: bool,
    /// At least one.
    pub hosts: Vec<Address>,
    /// For the servers that hold the queue.
    pub login: Login,
    /// The database number; a cluster has only 0.
    pub database: u32,
}

/// What is wrong with `queue.url`, and the way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("queue.url: {part}; write it as {example}")]
pub struct UrlError {
    part: Part,
    example: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Scheme,
    Userinfo,
    Hosts,
    Host(usize),
    Port(usize),
    Database,
    Master,
    Query,
}

impl fmt::Display for Part {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme => out.write_str(
                "the scheme must be redis, rediss, redis-sentinel, rediss-sentinel, \
                 redis-cluster or rediss-cluster",
            ),
            Self::Userinfo => out.write_str(
                "user and password must be text; percent-encode %, @, :, / and ? in them",
            ),
            Self::Hosts => out.write_str("redis:// and rediss:// take exactly one host"),
            Self::Host(number) => write!(out, "host {number} is not a name or an IP address"),
            Self::Port(number) => write!(
                out,
                "the port of host {number} must be a number from 1 to 65535 \
                 (percent-encode : / ? @ in a password)"
            ),
            Self::Database => out.write_str("the database must be a number; a cluster takes none"),
            Self::Master => out.write_str("the sentinels' name of the master is missing"),
            Self::Query => out.write_str(
                "the only parameters are sentinel_user and sentinel_password, \
                 and only with sentinels",
            ),
        }
    }
}

const SINGLE_EXAMPLE: &str = "redis://user:password@host:6379/0";
const SENTINEL_EXAMPLE: &str =
    "redis-sentinel://user:password@host1:26379,host2:26379/master-name/0?sentinel_password=...";
const CLUSTER_EXAMPLE: &str = "redis-cluster://user:password@host1:6379,host2:6379";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Single,
    Sentinel,
    Cluster,
}

impl Kind {
    fn error(self, part: Part) -> UrlError {
        let example = match self {
            Self::Single => SINGLE_EXAMPLE,
            Self::Sentinel => SENTINEL_EXAMPLE,
            Self::Cluster => CLUSTER_EXAMPLE,
        };
        UrlError { part, example }
    }
}

/// Reads a whole `queue.url`.
///
/// # Errors
/// [`UrlError`] names the part that is wrong and shows the right form.
pub fn parse(text: &str) -> Result<Target, UrlError> {
    let (scheme, rest) = text
        .split_once("://")
        .ok_or_else(|| Kind::Single.error(Part::Scheme))?;
    let (kind, tls) = match scheme {
        "redis" => (Kind::Single, false),
        "rediss" => (Kind::Single, true),
        "redis-sentinel" => (Kind::Sentinel, false),
        "rediss-sentinel" => (Kind::Sentinel, true),
        "redis-cluster" => (Kind::Cluster, false),
        "rediss-cluster" => (Kind::Cluster, true),
        _ => return Err(Kind::Single.error(Part::Scheme)),
    };
    let fails = |part| kind.error(part);
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (userinfo, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));

    let login = login_of(userinfo).ok_or_else(|| fails(Part::Userinfo))?;
    let port = match kind {
        Kind::Sentinel => SENTINEL_PORT,
        Kind::Single | Kind::Cluster => REDIS_PORT,
    };
    let hosts: Result<Vec<Address>, Part> = hosts
        .split(',')
        .enumerate()
        .map(|(index, host)| address_of(host, port, index + 1))
        .collect();
    let hosts = hosts.map_err(fails)?;
    if kind == Kind::Single && hosts.len() != 1 {
        return Err(fails(Part::Hosts));
    }
    let path = path.trim_end_matches('/');
    let (form, database) = form_of(kind, path, query).map_err(fails)?;
    Ok(Target {
        form,
        tls,
        hosts,
        login,
        database,
    })
}

fn form_of(kind: Kind, path: &str, query: &str) -> Result<(Form, u32), Part> {
    if kind != Kind::Sentinel && !query.is_empty() {
        return Err(Part::Query);
    }
    match kind {
        Kind::Single => Ok((Form::Single, database_of(path)?)),
        Kind::Cluster if path.is_empty() || path == "0" => Ok((Form::Cluster, 0)),
        Kind::Cluster => Err(Part::Database),
        Kind::Sentinel => {
            let (master, database) = path.split_once('/').unwrap_or((path, ""));
            let master = decoded(master)
                .filter(|name| !name.is_empty())
                .ok_or(Part::Master)?;
            let login = sentinel_login_of(query)?;
            Ok((Form::Sentinel { master, login }, database_of(database)?))
        }
    }
}

fn database_of(text: &str) -> Result<u32, Part> {
    match text {
        "" => Ok(0),
        number => number.parse().map_err(|_| Part::Database),
    }
}

/// `user:password`, `:password` or nothing. A user without a password has none to show.
fn login_of(userinfo: &str) -> Option<Login> {
    let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    let some = |text: &str| Some(decoded(text)?).map(|text| Some(text).filter(|t| !t.is_empty()));
    Some(Login {
        user: some(user)?,
        password: some(password)?,
    })
}

fn sentinel_login_of(query: &str) -> Result<Login, Part> {
    let mut login = Login::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let field = match &*name {
            "sentinel_user" => &mut login.user,
            "sentinel_password" => &mut login.password,
            _ => return Err(Part::Query),
        };
        *field = Some(value.into_owned());
    }
    Ok(login)
}

fn decoded(text: &str) -> Option<String> {
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

/// The crate `url` knows what a host is, IPv6 in brackets included; it is asked about
/// one host alone, since it does not know lists.
fn address_of(text: &str, default_port: u16, number: usize) -> Result<Address, Part> {
    let after_host = text.rfind(']').map_or(0, |end| end + 1);
    let port = match text[after_host..].rsplit_once(':') {
        None => default_port,
        Some((_, port)) => port
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .ok_or(Part::Port(number))?,
    };
    let url = Url::parse(&format!("redis://{text}")).map_err(|_| Part::Host(number))?;
    let host = url
        .host_str()
        .filter(|host| !host.is_empty() && url.fragment().is_none())
        .ok_or(Part::Host(number))?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Ok(Address {
        host: host.to_owned(),
        port,
    })
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(out, "[{}]:{}", self.host, self.port)
        } else {
            write!(out, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests;
