using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace ComfyDeploy.Text;

internal static class Sha256
{
    /// <summary>The hash of the text's UTF-8, 64 lowercase hex digits.</summary>
    internal static string Of(string text)
    {
        using SHA256 hash = SHA256.Create();
        byte[] bytes = hash.ComputeHash(Encoding.UTF8.GetBytes(text));
        return string.Concat(bytes.Select(part => part.ToString("x2", CultureInfo.InvariantCulture)));
    }
}
