// Follows a task with the client by openapi-generator, and prints what it saw as one line of JSON.
package sample

import api302.openapi.apis.LlmAi302Api
import api302.openapi.apis.VideosKlingApi
import api302.openapi.infrastructure.ApiClient
import api302.openapi.infrastructure.Serializer
import api302.openapi.models.KlingTextToVideoRequest

fun main(arguments: Array<String>) {
    val address = arguments[0]
    ApiClient.accessToken = "sk-test"
    val models = LlmAi302Api(address).ai302ListModels().data.map { it.id }
    val kling = VideosKlingApi(address)
    val made = kling.klingTextToVideo(KlingTextToVideoRequest(prompt = "A red panda")).data!!
    val polled = kling.klingGetTextToVideo(made.taskId!!).data!!
    val seen = mapOf(
        "models" to models,
        "id" to made.taskId,
        "polled" to polled.taskId,
        "states" to listOf(made.taskStatus, polled.taskStatus),
    )
    println(Serializer.jacksonObjectMapper.writeValueAsString(seen))
}
