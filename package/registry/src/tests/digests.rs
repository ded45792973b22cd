//! Tests of what references stand for, asked without the bytes.

use axum::http::Method;

use super::*;

/// The digest of `demo:1` in a registry on loopback that answers like this, and the methods it was asked with.
async fn resolved(
    image: &str,
    answer: impl Fn(&Request) -> Response + Send + Sync + 'static,
) -> (String, Vec<Method>) {
    let asked: Arc<Mutex<Vec<Method>>> = Arc::default();
    let asked_too = asked.clone();
    let answer = move |request: &Request| {
        if request.uri().path() != "/token" {
            asked_too.lock().unwrap().push(request.method().clone());
        }
        answer(request)
    };
    let said = with_registry(answer, async |address| {
        let reference = parse(&format!("{address}/{image}"))?;
        let credentials = || ready(Ok(None)).boxed();
        let connections = Connections::default();
        let settings = Settings::default();
        let repository = Repository::new(&connections, &settings, &reference, &credentials).await?;
        repository.digest().await
    })
    .await;
    let asked = asked.lock().unwrap().clone();
    let said = said.map_or_else(|error| error.to_string(), |digest| digest.to_string());
    (said, asked)
}

fn with_digest(digest: &str) -> Response {
    let response = Response::builder().header("docker-content-digest", digest);
    response.body(Body::from("{}")).unwrap()
}

#[tokio::test]
async fn a_registry_that_says_the_digest_is_not_asked_for_the_bytes() {
    let digest = Digest::of(b"an index of images for none of our platforms");
    let answer = move |_: &Request| with_digest(&digest.to_string());
    let (said, asked) = resolved("demo:1", answer).await;
    assert_eq!((said, asked), (digest.to_string(), vec![Method::HEAD]));
}

#[tokio::test]
async fn the_digest_is_that_of_the_bytes_where_the_registry_does_not_say_it() {
    let none: fn(&Request) -> Response = |_| answer(StatusCode::OK, "{}");
    let odd: fn(&Request) -> Response = |_| with_digest("sha512:00");
    let no_head: fn(&Request) -> Response = |request| match *request.method() {
        Method::HEAD => answer(StatusCode::METHOD_NOT_ALLOWED, Body::empty()),
        _ => answer(StatusCode::OK, "{}"),
    };
    for registry in [none, odd, no_head] {
        let (said, asked) = resolved("demo", registry).await;
        assert_eq!(said, Digest::of(b"{}").to_string());
        assert_eq!(asked, [Method::HEAD, Method::GET]);
    }
}

#[tokio::test]
async fn a_refusal_is_said_in_the_registrys_words_and_a_challenge_is_answered_for_both() {
    let unknown = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#;
    let guarded = move |request: &Request| {
        let host = request.headers()["host"].to_str().unwrap();
        if request.uri().path() == "/token" {
            return answer(StatusCode::OK, r#"{"token":"good"}"#);
        }
        if request.headers().contains_key("authorization") {
            return answer(StatusCode::NOT_FOUND, unknown);
        }
        Response::builder()
            .status(StatusCode::UNAUTHORIZED)
            .header(
                "www-authenticate",
                format!(r#"Bearer realm="http://{host}/token""#),
            )
            .body(Body::empty())
            .unwrap()
    };
    let (said, asked) = resolved("demo:1", guarded).await;
    assert_eq!(
        said,
        "the registry answers 404 Not Found: MANIFEST_UNKNOWN manifest unknown"
    );
    assert_eq!(asked, [Method::HEAD, Method::HEAD, Method::GET]);
}
