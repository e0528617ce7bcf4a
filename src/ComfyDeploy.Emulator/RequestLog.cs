using System.Text;
using System.Text.RegularExpressions;
using ComfyDeploy.Emulator.Http;

namespace ComfyDeploy.Emulator;

/// <summary>Records the requests received, without their keys.</summary>
internal sealed class RequestLog
{
    private const int MaxBodyLength = 1_000_000;

    // Of a form, its head is enough: the files are in the storage.
    private const int MaxFormLength = 2_000;
    private const int MaxBytesPerCharacter = 4;
    private static readonly Regex Secret = new("(?<=(?:^|&)(?:cd_token|X-Amz-Signature|X-Amz-Credential)=)[^&]*", RegexOptions.CultureInvariant);
    private readonly List<EmulatorRequest> _requests = [];

    public EmulatorRequest Add(HttpRequest request, bool isStorage, bool authorized, DateTime now)
    {
        EmulatorRequest entry = new()
        {
            Method = request.Method,
            Path = request.Path,
            Query = Secret.Replace(request.Query, "***"),
            Body = Beginning(request),
            Authorized = authorized,
            HasAuthorization = request.Header("authorization") is not null,
            IsStorage = isStorage,
            ReceivedAt = now,
        };
        lock (_requests)
        {
            _requests.Add(entry);
            entry.Number = _requests.Count;
        }

        return entry;
    }

    private static string Beginning(HttpRequest request)
    {
        bool isForm = request.Header("content-type")?.StartsWith("multipart/", StringComparison.OrdinalIgnoreCase) == true;
        int limit = isForm ? MaxFormLength : MaxBodyLength;
        string text = Encoding.UTF8.GetString(request.Body, 0, Math.Min(request.Body.Length, limit * MaxBytesPerCharacter));
        return text.Length > limit ? text.Substring(0, limit) : text;
    }

    public IReadOnlyList<EmulatorRequest> Snapshot()
    {
        lock (_requests) return _requests.ToArray();
    }
}
