using System.Text;
using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

/// <summary>One run to queue.</summary>
/// <param name="Target">What to run.</param>
/// <param name="InputsJson">The inputs as a JSON object.</param>
/// <param name="Gpu">Requested GPU; one fixed by the deployment takes precedence.</param>
/// <param name="Webhook">URL the service calls on changes.</param>
/// <param name="WebhookIntermediateStatus">Whether it calls at every node.</param>
/// <param name="Origin">What the caller knows of the run; every snapshot of it gets this.</param>
internal sealed record CreateRequest(
    CreateTarget Target, string InputsJson, string? Gpu, Uri? Webhook, bool WebhookIntermediateStatus, RunOrigin? Origin = null)
{
    /// <summary>Whether a stored run could be that of either request and it matters whose it is.</summary>
    internal bool IsConfusableWith(CreateRequest other) => Target.RowKey == other.Target.RowKey
        && ((InputsJson == other.InputsJson && Target.Unlisted != other.Target.Unlisted)
            || InputComparison.AreConfusable(InputsJson, other.InputsJson));

    internal HttpRequestMessage ToMessage() => new(HttpMethod.Post, new Uri(Target.Path, UriKind.Relative))
    {
        Content = new StringContent(
            JsonText.Build(writer =>
            {
                writer.WriteStartObject();
                Target.WriteTo(writer);
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
