using System.Security;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using ComfyDeploy.Emulator.Seed;

namespace ComfyDeploy.Emulator.Service;

/// <summary>The keys the emulator accepts. It signs its keys with its own secret, so that no real key works here and none of these elsewhere.</summary>
internal sealed class KeyRing
{
    private readonly byte[] _secret = new byte[32];
    private readonly Dictionary<string, (Caller Caller, string State)> _keys = new(StringComparer.Ordinal);

    public KeyRing(IEnumerable<SeedKey> keys)
    {
        using RandomNumberGenerator random = RandomNumberGenerator.Create();
        random.GetBytes(_secret);
        foreach (SeedKey key in keys) _keys[key.Key] = (new Caller(key.UserId, key.OrgId), key.State);
    }

    /// <summary>A new key in the format of the service's: a JWT whose payload names the user and the organization.</summary>
    public SecureString Issue(string userId, string? orgId, DateTime issuedAt)
    {
        JsonObject payload = new() { ["user_id"] = userId, ["iat"] = new DateTimeOffset(issuedAt).ToUnixTimeSeconds(), ["jti"] = Guid.NewGuid().ToString("N") };
        if (orgId is not null) payload["org_id"] = orgId;
        string content = Base64Url("{\"alg\":\"HS256\",\"typ\":\"JWT\"}") + "." + Base64Url(payload.ToJsonString());
        using HMACSHA256 hmac = new(_secret);
        string key = content + "." + Base64Url(hmac.ComputeHash(Encoding.ASCII.GetBytes(content)));
        lock (_keys) _keys[key] = (new Caller(userId, orgId), "active");
        SecureString secure = new();
        foreach (char c in key) secure.AppendChar(c);
        secure.MakeReadOnly();
        return secure;
    }

    public bool TryFind(string key, out Caller? caller, out string state)
    {
        lock (_keys)
        {
            bool found = _keys.TryGetValue(key, out (Caller Caller, string State) entry);
            (caller, state) = entry;
            return found;
        }
    }

    /// <summary>The signature of a link, which only this emulator can make.</summary>
    public string Sign(string text)
    {
        using HMACSHA256 hmac = new(_secret);
        return string.Concat(hmac.ComputeHash(Encoding.UTF8.GetBytes(text)).Select(b => b.ToString("x2", System.Globalization.CultureInfo.InvariantCulture)));
    }

    private static string Base64Url(string text) => Base64Url(Encoding.UTF8.GetBytes(text));

    private static string Base64Url(byte[] bytes) => Convert.ToBase64String(bytes).TrimEnd('=').Replace('+', '-').Replace('/', '_');
}
