use super::*;

fn found(json: &str, host: &str) -> Result<Option<(String, String)>, CredentialsError> {
    of(json, host, "lighthouse")
}

fn of(
    json: &str,
    host: &str,
    repository: &str,
) -> Result<Option<(String, String)>, CredentialsError> {
    credentials(json.as_bytes(), host, repository).map(|found| found.map(|c| (c.user, c.password)))
}

#[test]
fn both_forms_and_urls_are_understood() {
    let pair = Ok(Some(("me".to_owned(), "a:b".to_owned())));
    assert_eq!(
        found(
            r#"{"auths":{"registry.example":{"auth":"bWU6YTpi"}}}"#,
            "registry.example"
        ),
        pair
    );
    assert_eq!(
        found(
            r#"{"auths":{"https://registry.example:5000/v1/":{"username":"me","password":"a:b"}}}"#,
            "registry.example:5000"
        ),
        pair
    );
    assert_eq!(
        found(
            r#"{"auths":{"registry.example":{"auth":"bWU6YTpi"}}}"#,
            "registry.example:5000"
        ),
        Ok(None)
    );
    assert_eq!(found("{}", "registry.example"), Ok(None));
}

#[test]
fn what_cannot_be_used_is_an_error_that_shows_nothing() {
    let host = "registry.example";
    assert_eq!(found("[]", host), Err(CredentialsError::Malformed));
    for entry in [
        r#"{"auth":"?"}"#,
        r#"{"auth":"bWU="}"#,
        r#"{"username":"me"}"#,
        r#"{"identitytoken":"t"}"#,
    ] {
        let error = found(
            &format!(r#"{{"auths":{{"registry.example":{entry}}}}}"#),
            host,
        )
        .unwrap_err();
        assert_eq!(error, CredentialsError::Unusable(host.to_owned()));
    }
    assert_eq!(
        found(&" ".repeat(MAX_BYTES + 1), host),
        Err(CredentialsError::TooLarge)
    );
    assert_eq!(
        found(&" ".repeat(MAX_BYTES), host),
        Err(CredentialsError::Malformed)
    );
}

#[test]
fn what_a_helper_keeps_is_said_to_be_there_and_what_nobody_keeps_is_nothing() {
    let host = "registry.example";
    let helper = |helper: &str| {
        Err(CredentialsError::Helper {
            host: host.into(),
            helper: helper.into(),
        })
    };
    for (json, expected) in [
        (
            r#"{"auths":{"registry.example":{}},"credsStore":"desktop"}"#,
            helper("desktop"),
        ),
        (
            r#"{"auths":{},"credHelpers":{"registry.example":"cloud"},"credsStore":"desktop"}"#,
            helper("cloud"),
        ),
        (
            r#"{"auths":{"other.example":{}},"credsStore":"desktop"}"#,
            Ok(None),
        ),
        (r#"{"auths":{"registry.example":{}}}"#, Ok(None)),
        (r#"{"auths":{"registry.example":{"auth":""}}}"#, Ok(None)),
        (
            r#"{"auths":{"registry.example":{"auth":"bWU6YTpi"}},"credsStore":"desktop"}"#,
            Ok(Some(("me".into(), "a:b".into()))),
        ),
    ] {
        assert_eq!(found(json, host), expected, "{json}");
    }
    let json = r#"{"credHelpers":{"registry.example":"desktop"}}"#;
    let said = found(json, host).unwrap_err().to_string();
    assert!(said.contains("docker-credential-desktop"), "{said}");
}

#[test]
fn only_this_machine_is_loopback() {
    for host in [
        "localhost",
        "localhost:5000",
        "127.0.0.1:5000",
        "[::1]:5000",
        "[::1]",
    ] {
        assert!(is_loopback(host), "{host}");
    }
    for host in [
        "registry.example",
        "registry.example:5000",
        "localhost.example",
        "10.0.0.1:5000",
    ] {
        assert!(!is_loopback(host), "{host}");
    }
}

#[test]
fn debug_does_not_show_the_password() {
    let shown = format!(
        "{:?}",
        Credentials {
            user: "me".into(),
            password: "hidden".into()
        }
    );
    assert!(!shown.contains("hidden"), "{shown}");
}

/// Whose credentials of a file with these keys are shown; each key is its own user.
fn shown(keys: &[&str], host: &str, repository: &str) -> Option<String> {
    let entries: BTreeMap<_, _> = keys
        .iter()
        .map(|key| (*key, serde_json::json!({"username": key, "password": "p"})))
        .collect();
    let file = serde_json::json!({"auths": entries}).to_string();
    let found = of(&file, host, repository).unwrap();
    found.map(|(user, _)| user)
}

#[test]
fn the_longest_path_that_fits_decides_and_ends_between_segments() {
    let (host, port) = ("registry.example", "registry.example:5000");
    for (keys, host, repository, expected) in [
        (
            &["registry.example", "registry.example/team"][..],
            host,
            "team/lamp",
            Some("registry.example/team"),
        ),
        (
            &["registry.example", "registry.example/team"],
            host,
            "team",
            Some("registry.example/team"),
        ),
        (
            &["registry.example", "registry.example/team"],
            host,
            "team-two/lamp",
            Some("registry.example"),
        ),
        (
            &["registry.example", "registry.example/team"],
            host,
            "other",
            Some("registry.example"),
        ),
        (
            &[
                "registry.example/a",
                "registry.example/a/b/",
                "registry.example/a/b/c/d",
            ],
            host,
            "a/b/c",
            Some("registry.example/a/b/"),
        ),
        (&["registry.example/team"], host, "other", None),
        (&["registry.example/team"], port, "team/lamp", None),
    ] {
        let found = shown(keys, host, repository);
        assert_eq!(found.as_deref(), expected, "{keys:?} {host} {repository}");
    }
}

#[test]
fn a_key_may_be_written_as_docker_login_writes_it() {
    let (host, port) = ("registry.example", "registry.example:5000");
    for (keys, host, repository, expected) in [
        (
            &["https://registry.example:5000/v2/team"],
            port,
            "team/lamp",
            Some("https://registry.example:5000/v2/team"),
        ),
        (
            &["https://registry.example/v1/"],
            host,
            "any",
            Some("https://registry.example/v1/"),
        ),
        // A repository may be named like a version of the API, behind it.
        (
            &["registry.example/v1/v2"],
            host,
            "v2/lamp",
            Some("registry.example/v1/v2"),
        ),
        (&["Registry.Example"], host, "any", Some("Registry.Example")),
    ] {
        let found = shown(keys, host, repository);
        assert_eq!(found.as_deref(), expected, "{keys:?} {host} {repository}");
    }
}

#[test]
fn a_star_stands_for_characters_of_one_name_of_a_host_and_says_less_than_a_host() {
    let host = "eu.registry.example";
    for (keys, expected) in [
        (&["*.registry.example"][..], Some("*.registry.example")),
        (&["e*.*.example"], Some("e*.*.example")),
        (&["*.example"], None),
        (&["*"], None),
        (&["*.*.*.*"], None),
        (&["us*.registry.example"], None),
        (&["*.registry.example:5000"], None),
        (
            &["*.registry.example", "eu.registry.example"],
            Some("eu.registry.example"),
        ),
        (
            &["*.registry.example/team", "eu.registry.example"],
            Some("*.registry.example/team"),
        ),
    ] {
        let found = shown(keys, host, "team/lamp");
        assert_eq!(found.as_deref(), expected, "{keys:?}");
    }
}

#[test]
fn an_entry_of_a_path_that_holds_nothing_hides_no_helper() {
    let file = r#"{"auths":{"registry.example":{"auth":"bWU6YTpi"},"registry.example/team":{}},"credsStore":"desktop"}"#;
    assert!(of(file, "registry.example", "team/lamp").is_err());
    assert!(of(file, "registry.example", "lamp").is_ok_and(|found| found.is_some()));
}
