//! Tests of answers: what is read of them, and what is shown.

use super::*;

/// A body that never ends and does not say how long it is.
fn endless() -> Body {
    let chunk = Bytes::from_static(&[b' '; 64 * 1024]);
    Body::from_stream(stream::repeat_with(move || {
        Ok::<_, std::convert::Infallible>(chunk.clone())
    }))
}

/// A manifest without layers, in so many bytes.
fn padded(bytes: usize) -> Vec<u8> {
    let mut manifest = format!(
        r#"{{"config":{{"mediaType":"","digest":"{}","size":0}}}}"#,
        Digest::of(b"")
    );
    manifest.push_str(&" ".repeat(bytes.saturating_sub(manifest.len())));
    manifest.into_bytes()
}

#[tokio::test]
async fn a_manifest_is_read_up_to_its_limit_and_not_a_byte_further() {
    const LIMIT: usize = limit::IMAGE_JSON_BYTES;
    let of = |bytes: Vec<u8>| pull(move |_| answer(StatusCode::OK, bytes.clone()));
    let whole = of(padded(LIMIT)).await;
    // It was read whole, and is a manifest without layers.
    assert_eq!(whole, "the image contains no package files");
    let over = of(padded(LIMIT + 1)).await;
    assert!(over.contains(&format!("more than {LIMIT} bytes")), "{over}");
    let never_ends = pull(|_| answer(StatusCode::OK, endless())).await;
    assert!(
        never_ends.contains(&format!("more than {LIMIT} bytes")),
        "{never_ends}"
    );
}

#[tokio::test]
async fn an_error_that_never_ends_is_an_error() {
    let said = pull(|_| answer(StatusCode::INTERNAL_SERVER_ERROR, endless())).await;
    assert!(said.contains("500"), "{said}");
    let body =
        r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"see https://a.example/?sig=canary"}]}"#;
    let said = pull(move |_| answer(StatusCode::NOT_FOUND, body)).await;
    assert!(said.contains("MANIFEST_UNKNOWN") && !said.contains("canary"));
}

/// A registry whose manifests need a token, which `/token` gives.
fn guarded(request: &Request, token: Body) -> Response {
    let headers = request.headers();
    let host = headers["host"].to_str().unwrap();
    let given = headers.get("authorization");
    match (request.uri().path(), given.map(|value| value.as_bytes())) {
        ("/token", Some(b"Basic cmVhZGVyOmNhbmFyeQ==")) => answer(StatusCode::OK, token),
        ("/v2/demo/manifests/1", Some(b"Bearer good")) => answer(StatusCode::OK, padded(1)),
        (_, _) => Response::builder()
            .status(StatusCode::UNAUTHORIZED)
            .header(
                "www-authenticate",
                format!(r#"Bearer realm="http://{host}/token",service="s""#),
            )
            .body(Body::empty())
            .unwrap(),
    }
}

#[tokio::test]
async fn a_token_is_fetched_once_with_the_credentials_and_is_bounded() {
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&asked);
    let said = pull(move |request| {
        log.lock().unwrap().push(request.uri().to_string());
        guarded(request, Body::from(r#"{"access_token":"good"}"#))
    })
    .await;
    assert!(!said.contains("cannot pull"), "{said}");
    assert_eq!(
        *asked.lock().unwrap(),
        [
            "/v2/demo/manifests/1",
            "/token?scope=repository%3Ademo%3Apull&service=s",
            "/v2/demo/manifests/1"
        ]
    );
    let said = pull(|request| guarded(request, endless())).await;
    assert!(
        said.contains(&format!("more than {TOKEN_BYTES} bytes")),
        "{said}"
    );
}

#[tokio::test]
async fn a_layer_larger_than_its_manifest_says_is_refused() {
    let said = pull(|request| match request.uri().path() {
        "/v2/demo/manifests/1" => {
            let layer = format!(
                r#"{{"mediaType":"","digest":"{}","size":3}}"#,
                Digest::of(b"four")
            );
            let manifest = format!(r#"{{"config":{layer},"layers":[{layer}]}}"#);
            answer(StatusCode::OK, manifest)
        }
        _ => answer(StatusCode::OK, "four"),
    })
    .await;
    assert!(said.contains("more than 3 bytes"), "{said}");
}
