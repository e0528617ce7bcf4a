using System.Security.Cryptography;
using System.Text;

namespace ComfyDeploy.Client;

/// <summary>
/// What this process remembers of one account, shared by all connections to it: of two connections with the same key, neither may mistake
/// the other's run for its own lost one.
/// </summary>
internal sealed class AccountState
{
    private static readonly Dictionary<string, WeakReference<AccountState>> States = [];

    internal KnownRuns KnownRuns { get; } = new();

    internal CreateLedger Creates { get; } = new();

    internal UploadCache Uploads { get; } = new();

    /// <summary>The same object for every connection to the same URL with the same key, as long as one of them is in use.</summary>
    internal static AccountState Of(ComfyConnection connection)
    {
        using SHA256 hash = SHA256.Create();
        byte[] key = hash.ComputeHash(Encoding.UTF8.GetBytes(connection.ApiKey.Reveal()));
        string name = $"{connection.Address} {Convert.ToBase64String(key)}";
        lock (States)
        {
            if (States.TryGetValue(name, out WeakReference<AccountState>? known) && known.TryGetTarget(out AccountState? account))
            {
                return account;
            }
            States[name] = new(account = new());
            return account;
        }
    }
}
