using System.Runtime.InteropServices;
using System.Security;

namespace ComfyDeploy;

/// <summary>The only place where a key becomes text, when it is sent.</summary>
internal static class SecureStringText
{
    internal static string Reveal(this SecureString secret)
    {
        IntPtr text = Marshal.SecureStringToGlobalAllocUnicode(secret);
        try
        {
            return Marshal.PtrToStringUni(text) ?? string.Empty;
        }
        finally
        {
            Marshal.ZeroFreeGlobalAllocUnicode(text);
        }
    }

    /// <summary>Whether it can be sent in a header: visible ASCII, no space.</summary>
    internal static bool CanBeSent(this SecureString secret) => secret.Length > 0 && secret.Reveal().All(c => c is > ' ' and < '\u007f');

    internal static SecureString Protect(string text)
    {
        SecureString secret = new();
        foreach (char c in text) secret.AppendChar(c);
        secret.MakeReadOnly();
        return secret;
    }
}
