using System.Text.RegularExpressions;
using ComfyDeploy.Emulator.Http;

namespace ComfyDeploy.Emulator;

/// <summary>Records the requests received, without their keys.</summary>
internal sealed class RequestLog
{
    private const int MaxBodyLength = 1_000_000;
    private static readonly Regex Secret = new("(?<=(?:^|&)(?:cd_token|X-Amz-Signature|X-Amz-Credential)=)[^&]*", RegexOptions.CultureInvariant);
    private readonly List<EmulatorRequest> _requests = [];

    public EmulatorRequest Add(HttpRequest request, bool isStorage, bool authorized, DateTime now)
    {
        string body = request.BodyText;
        EmulatorRequest entry = new()
        {
            Method = request.Method,
            Path = request.Path,
            Query = Secret.Replace(request.Query, "***"),
            Body = body.Length > MaxBodyLength ? body.Substring(0, MaxBodyLength) : body,
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

    public IReadOnlyList<EmulatorRequest> Snapshot()
    {
        lock (_requests) return _requests.ToArray();
    }
}
