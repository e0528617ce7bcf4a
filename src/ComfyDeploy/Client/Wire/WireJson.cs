using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

/// <summary>The one place where an answer becomes objects.</summary>
internal static class WireJson
{
    /// <exception cref="JsonException">The answer is not the expected JSON.</exception>
    internal static T Read<T>(MemoryStream body, JsonTypeInfo<T> type)
    {
        ArraySegment<byte> json = ValidJson.Of(new ArraySegment<byte>(body.GetBuffer(), 0, (int)body.Length));
        return JsonSerializer.Deserialize(json, type) ?? throw new JsonException("null");
    }
}
