using System.Globalization;

namespace ComfyDeploy.Client;

internal static class Hex
{
    /// <summary>The first bytes in lower-case hexadecimal digits.</summary>
    internal static string Of(byte[] bytes, int count) =>
        string.Concat(bytes.Take(count).Select(each => each.ToString("x2", CultureInfo.InvariantCulture)));
}
