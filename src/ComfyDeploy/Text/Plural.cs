namespace ComfyDeploy.Text;

internal static class Plural
{
    /// <summary>For example, <c>1 run</c> or <c>3 runs</c>.</summary>
    internal static string Of(int count, string noun) => count == 1 ? $"1 {noun}" : $"{count} {noun}s";
}
