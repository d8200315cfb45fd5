//! A task of the client by openapi-generator: cargo run ADDRESS.
use api302_openapi::apis::configuration::Configuration;
use api302_openapi::apis::{llm_ai302_api, videos_kling_api};
use api302_openapi::models::{KlingResponse, KlingTask, KlingTextToVideoRequest};
use std::error::Error;
use std::time::Duration;

fn task(response: KlingResponse) -> Result<KlingTask, Box<dyn Error>> {
    Ok(*response.data.flatten().ok_or("no task")?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut configuration = Configuration::new();
    configuration.base_path = std::env::args().nth(1).ok_or("no address")?;
    configuration.bearer_access_token = Some("sk-test".to_owned());
    let models = llm_ai302_api::ai302_list_models(&configuration, None, None).await?.data;
    let request = KlingTextToVideoRequest::new("A red panda".to_owned());
    let made = task(videos_kling_api::kling_text_to_video(&configuration, request).await?)?;
    let id = made.task_id.ok_or("no id")?;
    let polled = task(videos_kling_api::kling_get_text_to_video(&configuration, &id).await?)?;
    let mut last = polled.clone();
    while last.task_status.as_deref() != Some("succeed") {
        tokio::time::sleep(Duration::from_millis(20)).await; // 10 seconds for the real service
        last = task(videos_kling_api::kling_get_text_to_video(&configuration, &id).await?)?;
    }
    let result = last.task_result.flatten().ok_or("no result")?;
    let video = result.videos.flatten().and_then(|videos| videos.into_iter().next()).ok_or("no video")?;
    let seen = serde_json::json!({
        "models": models.into_iter().map(|model| model.id).collect::<Vec<_>>(),
        "id": id,
        "polled": polled.task_id,
        "states": [made.task_status, polled.task_status],
        "url": video.url,
        "duration": video.duration,
    });
    println!("{seen}");
    Ok(())
}
