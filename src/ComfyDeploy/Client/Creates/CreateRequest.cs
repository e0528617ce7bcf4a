using System.Text;

namespace ComfyDeploy.Client;

/// <summary>One run to queue.</summary>
/// <param name="DeploymentId">What to run.</param>
/// <param name="DeploymentName">Its name, for messages.</param>
/// <param name="InputsJson">The inputs as a JSON object.</param>
/// <param name="Gpu">GPU asked for; one fixed by the deployment beats it.</param>
/// <param name="Webhook">Address the service calls on changes.</param>
/// <param name="WebhookIntermediateStatus">Whether it calls at every node.</param>
internal sealed record CreateRequest(string DeploymentId, string DeploymentName, string InputsJson, string? Gpu, Uri? Webhook, bool WebhookIntermediateStatus)
{
    internal HttpRequestMessage ToMessage() => new(HttpMethod.Post, new Uri("/run/deployment/queue", UriKind.Relative))
    {
        Content = new StringContent(
            InputJson.WriteText(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("deployment_id", DeploymentId);
                writer.WritePropertyName("inputs");
                writer.WriteRawValue(InputsJson);
                if (Gpu is not null) writer.WriteString("gpu", Gpu);
                if (Webhook is not null) writer.WriteString("webhook", Webhook.AbsoluteUri);
                if (WebhookIntermediateStatus) writer.WriteBoolean("webhook_intermediate_status", true);
                writer.WriteEndObject();
            }),
            Encoding.UTF8,
            "application/json"),
    };
}
