use proptest::prelude::*;

use super::*;

#[test]
fn frames_come_out_whole_however_they_arrive() {
    let mut stream = frame(br#"{"t":"done","ok":true,"result":"1"}"#);
    stream.extend(frame(br#"{"t":"call","id":7,"tool":"x","args":{}}"#));
    let mut frames = Frames::new(1024);
    let mut bodies = Vec::new();
    for byte in stream {
        frames.push(&[byte]);
        while let Some(body) = frames.next_frame().unwrap() {
            bodies.push(Message::parse(body, 1 << 20).unwrap());
        }
    }
    assert!(matches!(&bodies[0], Message::Done(done) if done.ok));
    assert!(matches!(&bodies[1], Message::Call(call) if call.id == 7));
}

#[test]
fn a_length_beyond_the_bound_is_refused_before_it_arrives() {
    let mut frames = Frames::new(8);
    frames.push(&u32::MAX.to_le_bytes());
    assert!(matches!(frames.next_frame(), Err(FrameError::TooLong(_, 8))));
}

#[test]
fn arguments_too_deep_fail_the_call_only() {
    let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
    let body = format!(r#"{{"t":"call","id":1,"tool":"x","args":{deep}}}"#);
    let Message::Call(call) = Message::parse(body.as_bytes(), 1 << 20).unwrap() else { panic!() };
    assert!(call.arguments.is_err());
}

#[test]
fn arguments_too_long_fail_the_call_only() {
    let body = r#"{"t":"call","id":1,"tool":"x","args":{"a":"0123456789"}}"#;
    let Message::Call(call) = Message::parse(body.as_bytes(), 8).unwrap() else { panic!() };
    assert!(call.arguments.unwrap_err().contains("8 are the most"));
}

#[test]
fn small_values_weigh_what_they_become() {
    assert_eq!(weight("\"[{,\\\"{\""), 8);
    assert!(weight("[1,{\"a\":1,\"b\":[]}]") > 1400 + 256 + 4 * 96);
    let parsed = |document: &str| {
        let body = format!(r#"{{"t":"call","id":1,"tool":"x","args":{document}}}"#);
        let Ok(Message::Call(call)) = Message::parse(body.as_bytes(), 4 << 20) else { panic!() };
        call
    };
    let rows = |count: usize| format!("[{}1]", "{\"\":1},".repeat(count));
    assert!(parsed(&rows(20_000)).arguments.is_ok());
    let heavy = parsed(&rows(500_000));
    assert!(heavy.arguments.unwrap_err().contains("too many values"));
    assert!(heavy.weight > HEAVIEST);
}

#[test]
fn what_is_said_of_a_bad_frame_is_short() {
    let body = format!(r#"{{"t":"call","id":"{}"}}"#, "x".repeat(100_000));
    let error = Message::parse(body.as_bytes(), 1 << 20).unwrap_err().to_string();
    assert!(error.len() < 300, "{error}");
}

#[test]
fn a_result_is_json_or_what_python_makes_of_it() {
    for good in ["1", "\"NaN\"", "NaN", "[-Infinity, {\"a\\\"b\": NaN}]", r#""\\""#] {
        assert!(is_document(good), "{good}");
    }
    for bad in
        ["", "not json {", "\"NaN", "[NaN", "nan", r#""\\"NaN""#, "1NaN", "-NaN", "1e-Infinity"]
    {
        assert!(!is_document(bad), "{bad}");
    }
}

#[test]
fn an_end_is_cut_to_what_is_kept() {
    let long = "x".repeat(10_000);
    let types = vec![long.clone(); 50];
    let body = serde_json::json!({"t": "done", "ok": false, "types": types, "message": long});
    let Message::Done(done) = Message::parse(body.to_string().as_bytes(), 1 << 20).unwrap() else {
        panic!()
    };
    assert_eq!((done.types.len(), done.types[0].len(), done.message.len()), (16, 200, 2000));
}

#[test]
fn what_is_no_message_is_named() {
    for body in ["", "null", "{}", r#"{"t":"call"}"#, r#"{"t":"done"}"#, r#"{"t":"x"}"#] {
        assert!(Message::parse(body.as_bytes(), 1 << 20).is_err(), "{body}");
    }
}

proptest! {
    #[test]
    fn no_stream_panics_or_grows_past_its_bound(
        chunks in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 0..64), 0..64),
    ) {
        let mut frames = Frames::new(128);
        'stream: for chunk in chunks {
            frames.push(&chunk);
            loop {
                match frames.next_frame() {
                    Ok(Some(body)) => {
                        prop_assert!(body.len() <= 128);
                        let _ = Message::parse(body, 1 << 20);
                    }
                    Ok(None) => break,
                    Err(_) => break 'stream,
                }
            }
            prop_assert!(frames.held() <= 128 + HEADER + 64);
        }
    }
}
