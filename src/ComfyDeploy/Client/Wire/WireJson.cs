using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

/// <summary>The one place where an answer becomes objects.</summary>
internal static class WireJson
{
    /// <exception cref="JsonException">The answer is not the expected JSON.</exception>
    internal static T Read<T>(MemoryStream body, JsonTypeInfo<T> type) =>
        JsonSerializer.Deserialize(ValidJson.Of(body), type) ?? throw new JsonException("null");
}
